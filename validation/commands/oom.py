"""`python -m validation oom`: does the predicted allocation fail on a card of another size?"""

from __future__ import annotations

import sys
import warnings

import click

from validation.commands.words import needs_cuda, parted


@click.command(short_help="Run a config with a smaller card's memory, until it stops.")
@click.argument("words", nargs=-1, required=True, metavar="CONFIG [SYMBOL=VALUE | run.KEY=VALUE]...")
@click.option("--gpu", metavar="NAME", help="The card whose memory there is, of `peakform gpus`; without it, all of this one's.")
def oom(words: tuple[str, ...], gpu: str | None) -> None:
    """Cap the memory of this process at what a card leaves for tensors, run a config, and compare how it ends.

    What a card leaves is its capacity less the CUDA context, both of the catalogue. Kernels are chosen by the card that
    runs, so that one has to have as much memory; over nullcuda NULLCUDA_MEM says how much it has, in GiB.

    \b
    python -m validation oom bioformer-later r=171 --gpu t4
    NULLCUDA_MEM=2000 validation/nullcuda/run.sh -m validation oom bioformer B=16 --gpu a100-80gb

    Exit status: 0 the predicted allocation is the one that failed (or both fit), 1 not, 2 refused.
    """
    from analyzer.gpus import named, read_gpus

    configs, assignments = parted(words)
    if len(configs) != 1:
        raise click.UsageError(f"expected one config, not {len(configs)}")
    card = named(read_gpus(), (gpu,))[0] if gpu else None
    needs_cuda(f"oom {' '.join(words)}{f' --gpu {gpu}' if gpu else ''}")
    from validation.measure_graph import analysis_of, headline
    from validation.out_of_memory import capped, ends, total

    warnings.filterwarnings("ignore")
    room = card.capacity - card.context if card else total()
    if room > total():
        more = -(-room >> 30) + 1
        raise click.UsageError(f"{gpu} leaves {room:,} bytes, this device has {total():,}; over nullcuda: NULLCUDA_MEM={more}")
    analysis = analysis_of(configs[0], assignments)
    click.echo(headline(analysis))
    click.echo(f"memory of {card.name}: {card.capacity:,} bytes less a context of {card.context:,}" if card else f"memory: {room:,} bytes")
    with capped(room if card else None):
        expected, real = ends(analysis, room)
    click.echo(f"predicted: {expected}\nmeasured:  {real}")
    agree = expected.agrees(real)
    click.echo("the same" if agree else "they differ")
    sys.exit(0 if agree else 1)
