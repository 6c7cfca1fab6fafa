"""What a rank, or the first GPU of DataParallel, allocates: a few models under each of PyTorch's wrappers, measured.

    NULLCUDA_DEVICES=2 NULLCUDA_MEM=300 validation/nullcuda/run.sh -m validation.parallel_rows [--write] [--new]

Prints a line a case, each measured in a process of its own: how far predicted peaks are from measured ones, and how much more is
reserved than the replay says. --write commits the rows to validation/results/parallel.json; --new measures only the cases that have
no row there. Exit status: 0 all figures but the allocator's are equal, 1 not.
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
from validation.rows import HERE, PEAKS, Results, Row, read, write

RESULTS = HERE / "results" / "parallel.json"
BERT, BIOFORMER = ("bert-base", "B=4 L=4"), ("bioformer", "B=4 n_hvg=24 c=32 L=3")
SHARD = "parallel=fsdp ranks=4 shard="
BERT_6, GPT2, PIPELINE = ("bert-base", "B=2 L=6"), ("gpt2", "B=1 r=128 L=6"), "parallel=pipeline ranks=3 n_microbatches=5"
T5 = "t5.encoder.block.2,t5.decoder,t5.decoder.block.2"
LLAMA = "B=2 r=128 L=2 c=256 n=8 kv=4 f=512 V=2048"
TENSOR, SEQUENCE = "parallel=tensor ranks=4", "sequence_parallel=true"
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
    *((*BERT_6, f"{PIPELINE} stage={stage} schedule={schedule}") for schedule in ("1f1b", "gpipe") for stage in range(3)),
    *((*GPT2, f"{PIPELINE} stage={stage} schedule=1f1b precision=amp-bf16") for stage in range(3)),
    *((*GPT2, f"{PIPELINE} stage={stage} schedule=gpipe") for stage in range(3)),
    ("llama-3.2-1b", "r=64 L=6", f"{PIPELINE} stage=1 checkpoint=llama_layer"),
    ("llama-3.2-1b", "r=64 L=6", f"{PIPELINE} stage=2"),
    ("encoder_prenorm", "B=4", "parallel=pipeline ranks=2 n_microbatches=5 stage=1 outputs=kept"),
    ("encoder_prenorm", "B=4", "parallel=pipeline ranks=2 n_microbatches=40 stage=0"),
    ("t5-small", "B=2 r=32 t=16", f"parallel=pipeline ranks=4 n_microbatches=5 stage=2 split_spec={T5}"),
    ("t5-small", "B=2 r=32 t=16", f"parallel=pipeline ranks=4 n_microbatches=5 stage=3 split_spec={T5}"),
    (*BERT, TENSOR),
    (*BERT, f"{TENSOR} {SEQUENCE} precision=amp-bf16 accumulation=2"),
    ("bert-base-eager", "B=4 L=4", f"{TENSOR} {SEQUENCE} checkpoint=bert_layer"),
    ("llama-3.1-8b", LLAMA, TENSOR),
    ("llama-3.1-8b", LLAMA, f"{TENSOR} loss_parallel=true precision=fp32 optimizer_form=fused"),
    ("llama-3.1-8b", LLAMA, f"{TENSOR} {SEQUENCE} loss_parallel=true clip_grad_norm=true"),
    ("llama-3.1-8b", LLAMA, f"{TENSOR} {SEQUENCE} loss_parallel=true mode=infer"),
    ("llama-3.2-1b", LLAMA, f"{TENSOR} {SEQUENCE} loss_parallel=true precision=amp-bf16 accumulation=2"),
    ("qwen2.5-7b", LLAMA, f"{TENSOR} {SEQUENCE} loss_parallel=true optimizer=SGD checkpoint=llama_layer"),
    ("mixtral-8x7b-batched", f"{LLAMA} E=4 k=2", f"{TENSOR} {SEQUENCE} loss_parallel=true"),
    ("distilbert", "B=4 L=3", TENSOR),
    ("distilbert", "B=4 L=3", f"{TENSOR} {SEQUENCE} precision=amp-bf16"),
    ("esm2", "B=2 L=3 r=128", TENSOR),
    ("esm2", "B=2 L=3 r=128", f"{TENSOR} {SEQUENCE}"),
    ("vit-b-16-sdpa", "B=4 L=3", TENSOR),
)


def main(arguments: Sequence[str]) -> int:
    """Measure every case."""
    known = {row.key: row for row in read(RESULTS).rows} if "--new" in arguments else {}
    measurements, seconds = dict[tuple[str, str, str], Row](), list[Row]()
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as processes:
        for row, second in processes.map(measured, [case for case in CASES if case not in known]):
            measurements[row.key] = row
            print(told(row), flush=True)
            if second:
                seconds.append(second)
                print(f"    the second GPU: {', '.join(wrong(second)) or 'equal'}", flush=True)
    rows = [known[case] if case in known else measurements[case] for case in CASES]
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
