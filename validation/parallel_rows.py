"""What a rank, or the first GPU of DataParallel, allocates: a few models under each of PyTorch's wrappers, measured.

    NULLCUDA_DEVICES=2 NULLCUDA_MEM=300 validation/nullcuda/run.sh -m validation.parallel_rows [--write] [--new]

Prints a line a case: how far predicted peaks are from measured ones, and how much more is reserved than a replay on one stream
says. --write commits the rows to validation/results/parallel.json; --new measures only the cases that have no row there. Exit status:
0 all figures but the allocator's are equal, 1 not.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from analyzer.analysis import of_another_gpu
from validation.accuracy import EXACT
from validation.comparison import compared
from validation.row import device_of_this_machine, measured_row, row_of, today, torch_version
from validation.rows import HERE, PEAKS, Results, Row, read, write

RESULTS = HERE / "results" / "parallel.json"
BERT, BIOFORMER = ("bert-base", "B=4 L=4"), ("bioformer", "B=4 n_hvg=24 c=32 L=3")
SHARD = "parallel=fsdp ranks=4 shard="
BERT_6, GPT2, PIPELINE = ("bert-base", "B=2 L=6"), ("gpt2", "B=1 r=128 L=6"), "parallel=pipeline ranks=3 n_microbatches=5"
T5 = "t5.encoder.block.2,t5.decoder,t5.decoder.block.2"
CASES = (
    ("encoder_prenorm", "B=4", "parallel=data_parallel ranks=2"),
    ("encoder_prenorm", "B=4", "parallel=data_parallel ranks=2 precision=amp-fp16 accumulation=2"),
    (*BIOFORMER, "parallel=data_parallel ranks=2"),
    (*BIOFORMER, "parallel=data_parallel ranks=2 precision=amp-fp16"),
    (*BERT, "parallel=data_parallel ranks=2"),
    ("resnet2d", "B=8", "parallel=data_parallel ranks=2"),
    ("encoder_prenorm", "B=4", "parallel=ddp ranks=1"),
    (*BERT, "parallel=ddp ranks=8"),
    (*BERT, "parallel=ddp ranks=8 gradient_as_bucket_view=true precision=amp-bf16"),
    (*BERT, "parallel=zero1 ranks=4"),
    ("encoder_prenorm", "B=4", f"{SHARD}attention,feed_forward"),
    (*BERT, f"{SHARD}bert_layer"),
    (*BERT, f"{SHARD}bert_layer precision=bf16"),
    ("vit-b-16", "B=4 L=4", f"{SHARD}vision_encoder_block"),
    ("vit-b-16", "B=4 L=4", f"{SHARD}vision_encoder_block reshard_after_forward=false"),
    *((*BERT_6, f"{PIPELINE} stage={stage} schedule={schedule}") for schedule in ("1f1b", "gpipe") for stage in range(3)),
    *((*GPT2, f"{PIPELINE} stage={stage} schedule=1f1b precision=amp-bf16") for stage in range(3)),
    *((*GPT2, f"{PIPELINE} stage={stage} schedule=gpipe") for stage in range(3)),
    ("llama-3.2-1b", "r=64 L=6", f"{PIPELINE} stage=1 checkpoint=llama_layer"),
    ("llama-3.2-1b", "r=64 L=6", f"{PIPELINE} stage=2"),
    ("encoder_prenorm", "B=4", "parallel=pipeline ranks=2 n_microbatches=5 stage=1 outputs=kept"),
    ("encoder_prenorm", "B=4", "parallel=pipeline ranks=2 n_microbatches=40 stage=0"),
    ("t5-small", "B=2 r=32 t=16", f"parallel=pipeline ranks=4 n_microbatches=5 stage=2 split_spec={T5}"),
    ("t5-small", "B=2 r=32 t=16", f"parallel=pipeline ranks=4 n_microbatches=5 stage=3 split_spec={T5}"),
)


def main(arguments: Sequence[str]) -> int:
    """Measure every case."""
    device, rows, seconds = device_of_this_machine(), list[Row](), list[Row]()
    known = {row.key: row for row in read(RESULTS).rows} if "--new" in arguments else {}
    for case in CASES:
        if case in known:
            rows.append(known[case])
            continue
        rows.append(measured_row(*case, device))
        print(told(rows[-1]), flush=True)
        if "data_parallel" in case[-1]:
            seconds.append(row_of(*case, device, lambda analysis: compared(of_another_gpu(analysis))))
            print(f"    the second GPU: {', '.join(wrong(seconds[-1])) or 'equal'}", flush=True)
    if "--write" in arguments:
        write(Results(torch_version(), today(), device, tuple(rows)), RESULTS)
    return 1 if any(wrong(row) for row in (*rows, *seconds)) else 0


def wrong(row: Row) -> list[str]:
    """The figures that are not as predicted, those of the allocator left out."""
    return [name for name in (*EXACT, *PEAKS) if name in row.differing]


def told(row: Row) -> str:
    """One case in a line."""
    more = row.measured["reserved"] - row.predicted("reserved")
    off = ", ".join(f"{name} {row.predicted(name) - row.measured[name]:+,}" for name in wrong(row)) or "equal"
    share = more / row.measured["reserved"]
    return f"{row.model} {row.symbols} {row.run}: {off}; reserved {more:+,} more ({share:.1%}){' ' + row.first if wrong(row) else ''}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
