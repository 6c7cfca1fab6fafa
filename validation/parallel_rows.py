"""What a rank, or the first GPU of DataParallel, allocates: a few models under each of PyTorch's wrappers, measured.

    NULLCUDA_DEVICES=2 NULLCUDA_MEM=300 validation/nullcuda/run.sh -m validation.parallel_rows [--write]

Prints a line a case, each measured in a process of its own: how far predicted peaks are from measured ones, and how much more is
reserved than the replay says. --write commits the rows to validation/results/parallel.json. Exit status: 0 all figures but the
allocator's are equal, 1 not.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from analyzer.analysis import of_another_gpu
from validation.accuracy import EXACT
from validation.comparison import compared
from validation.row import device_of_this_machine, measured_row, row_of, today, torch_version
from validation.rows import HERE, PEAKS, Results, Row, write

RESULTS = HERE / "results" / "parallel.json"
BERT, BIOFORMER = ("bert-base", "B=4 L=4"), ("bioformer", "B=4 n_hvg=24 c=32 L=3")
SHARD = "parallel=fsdp ranks=4 shard="
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
    (*BERT, f"{SHARD}bert_layer param_dtype=bf16 reduce_dtype=fp32"),
    (*BERT, "parallel=fsdp ranks=4 param_dtype=bf16 output_dtype=fp32"),
    (*BERT, "parallel=fsdp ranks=8 replicate=2 shard=bert_layer param_dtype=bf16 accumulation=2"),
    ("encoder_prenorm", "B=4", "parallel=fsdp ranks=7 shard=attention,feed_forward reduce_dtype=bf16"),
    ("encoder_prenorm", "B=4", "parallel=fsdp ranks=6 replicate=2 shard=attention,feed_forward param_dtype=fp16 reduce_dtype=fp32"),
    ("resnet_tabular", "", f"{SHARD}residual param_dtype=bf16 reduce_dtype=fp32 precision=amp-bf16"),
    ("gpt2", "B=2 L=3", "parallel=fsdp ranks=5 shard=gpt2_block param_dtype=bf16 reduce_dtype=fp32 checkpoint=gpt2_block"),
    ("llama-3.2-1b", "B=1 L=2 r=128", "parallel=fsdp ranks=8 shard=llama_layer precision=bf16 reduce_dtype=fp32 clip_grad_norm=true"),
    ("llama-3.2-1b", "B=1 L=2 r=128", "parallel=fsdp ranks=8 shard=llama_layer param_dtype=bf16 mode=infer"),
    (*BERT, f"{SHARD}bert_layer param_dtype=bf16 reduce_dtype=fp32 offload_policy=cpu"),
    (*BERT, "parallel=fsdp ranks=8 replicate=2 shard=bert_layer offload_policy=cpu accumulation=2 clip_grad_norm=true"),
)


def main(arguments: Sequence[str]) -> int:
    """Measure every case."""
    rows, seconds = list[Row](), list[Row]()
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as processes:
        for row, second in processes.map(measured, CASES):
            rows.append(row)
            print(told(row), flush=True)
            if second:
                seconds.append(second)
                print(f"    the second GPU: {', '.join(wrong(second)) or 'equal'}", flush=True)
    if "--write" in arguments:
        write(Results(torch_version(), today(), device_of_this_machine(), tuple(rows)), RESULTS)
    return 1 if any(wrong(row) for row in (*rows, *seconds)) else 0


def measured(case: tuple[str, str, str]) -> tuple[Row, Row | None]:
    """A case's row, and that of DataParallel's second GPU."""
    device = device_of_this_machine()
    row = measured_row(*case, device)
    if "data_parallel" not in case[-1]:
        return row, None
    return row, row_of(*case, device, lambda analysis: compared(of_another_gpu(analysis)))


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
