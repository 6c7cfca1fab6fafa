"""What commands read from the command line, and what they need of the machine."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

import click

from analyzer.commands.arguments import assigned

WORDS = click.argument("words", nargs=-1, metavar="[CONFIG]... [SYMBOL=VALUE | run.KEY=VALUE]...")
NEEDED = """{what}
expected a CUDA build of PyTorch and an NVIDIA GPU; without one, run the same over the stand-in:
    validation/nullcuda/run.sh setup        (once: about 3 GB)
    validation/nullcuda/run.sh -m validation {command}"""


def parted(words: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The configs among words, and the assignments. Raises InvalidConfig for an assignment that cannot be read."""
    assignments = tuple(word for word in words if "=" in word)
    assigned(assignments)
    return tuple(word for word in words if "=" not in word), assignments


def needs_cuda(command: str) -> None:
    """Refuse to go on without a device to measure. Raises click.UsageError."""
    if importlib.util.find_spec("torch") is None:
        raise click.UsageError(NEEDED.format(what="PyTorch is not installed", command=command))
    import torch

    if not torch.cuda.is_available():
        what = f"no CUDA device: this is PyTorch {torch.__version__}"
        raise click.UsageError(NEEDED.format(what=what, command=command))
