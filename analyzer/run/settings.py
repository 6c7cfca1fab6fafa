"""Run settings: the `run:` section of a config, and `run.KEY=VALUE` on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from analyzer.document import Scalar
from analyzer.problems import InvalidConfig, Origin, Problem, nearest
from analyzer.run.optimizer import FORMS, OPTIMIZERS
from analyzer.run.parallel import refused, resolved

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
MAX_COUNT = 10**6
LISTS = dict.fromkeys(("checkpoint", "exclude", "no_decay", "shard", "split_spec"), ",") | {"groups": ";"}  # what stands between
EXPRESSIONS = ("ranks", "n_microbatches", "stage")  # settings that are sizes, or may be words


def _setting(default: Any, meaning: str, *choices: str) -> Any:
    return field(default=default, metadata={"meaning": meaning, "choices": choices})


@dataclass(frozen=True, slots=True)
class Run:
    """How the model is run; each field's metadata says what it means and what it may be."""

    mode: str = _setting("train", "a training step, or an inference in evaluation mode", "train", "infer")
    precision: str = _setting(
        "fp32", "dtype of parameters and activations; amp-*: fp32 parameters under torch.autocast, amp-fp16 with a GradScaler",
        "fp32", "bf16", "fp16", "amp-bf16", "amp-fp16",
    )  # fmt: skip
    weights: str = _setting(
        "precision", "how Linear layers keep their weights in inference: as torchao does", "precision", "int8", "float8", "int4"
    )
    optimizer: str = _setting("AdamW", "torch.optim class, or Lion, Adam8bit, AdamW8bit, Lion8bit", *OPTIMIZERS)
    optimizer_form: str = _setting("default", "how the step is computed; PyTorch's default on CUDA is foreach", "default", *FORMS)
    momentum: bool = _setting(False, "SGD, RMSprop: with momentum")
    nesterov: bool = _setting(False, "SGD: Nesterov momentum")
    weight_decay: bool = _setting(False, "weight decay that is added to gradients (AdamW's own costs nothing)")
    amsgrad: bool = _setting(False, "Adam, AdamW: a third state")
    centered: bool = _setting(False, "RMSprop: a further state")
    exclude: str = _setting("", "parameters or modules, by path with commas, that the optimizer is not given")
    no_decay: str = _setting("", "those in a parameter group without weight decay")
    groups: str = _setting("", "those in parameter groups of their own: paths with commas, groups with semicolons")
    accumulation: int = _setting(1, "micro-batches per optimizer step")
    checkpoint: str = _setting("", "blocks, by name with commas, that are run again in backward (torch.utils.checkpoint)")
    use_reentrant: bool = _setting(False, "which of the two kinds of torch.utils.checkpoint")
    clip_grad_norm: bool = _setting(False, "clip_grad_norm_ before the step")
    clip_foreach: bool = _setting(True, "whether clip_grad_norm_ takes all norms at once")
    ema: bool = _setting(False, "an averaged copy of the parameters and buffers (AveragedModel)")
    zero_grad: str = _setting("after_step", "when zero_grad() is called", "after_step", "before_backward")
    set_to_none: bool = _setting(True, "whether zero_grad() sets gradients to None, or fills them with zeros")
    outputs: str = _setting(
        "kept", "kept: the loop's variables live until the next step rebinds them; dropped: a function returns the loss only",
        "kept", "dropped",
    )  # fmt: skip
    attention: str = _setting(
        "auto", "kernel of scaled_dot_product_attention: PyTorch's choice, or forced (torch.nn.attention.sdpa_kernel)",
        "auto", "flash", "efficient", "cudnn", "math",
    )  # fmt: skip
    mha_fastpath: bool = _setting(True, "torch.backends.mha.set_fastpath_enabled: fused attention and encoder layers in inference")
    allow_tf32: bool = _setting(False, "whether fp32 products of matrices may run in TF32 (torch.backends.cuda.matmul.allow_tf32)")
    no_grad: bool = _setting(True, "whether inference runs under torch.no_grad()")
    parallel: str = _setting(
        "none", "how several GPUs share the work: nn.DataParallel, DistributedDataParallel, that with ZeroRedundancyOptimizer,"
        " fully_shard, which zero2 and zero3 stand for too, tensor parallel blocks, or stages of a pipeline",
        "none", "data_parallel", "ddp", "zero1", "zero2", "zero3", "fsdp", "tensor", "pipeline",
    )  # fmt: skip
    ranks: str = _setting("", "how many GPUs: a number or an expression over symbols; formulas call it `ranks`")
    n_microbatches: str = _setting("", "pipeline: micro-batches per step, a number or an expression over symbols")
    schedule: str = _setting("1f1b", "pipeline: Schedule1F1B or ScheduleGPipe", "1f1b", "gpipe")
    split_spec: str = _setting("", "pipeline: where stages but the first begin, by path with commas; or the loop to divide evenly")
    stage: str = _setting("worst", "pipeline: which stage is reported, from 0; by default the one that needs most")
    sequence_parallel: bool = _setting(False, "tensor parallel: whether sequences are divided too, outside of what shares weights")
    loss_parallel: bool = _setting(False, "tensor parallel: whether cross_entropy takes divided classes (loss_parallel)")
    bucket_cap_mb: int = _setting(0, "DDP: MiB of a bucket; by default 25, and 1 of the first")
    gradient_as_bucket_view: bool = _setting(False, "DDP: whether gradients are views of the buckets")
    find_unused_parameters: bool = _setting(False, "DDP: whether parameters may go without a gradient; outputs are cloned")
    static_graph: bool = _setting(False, "DDP: whether every step uses the same parameters")
    broadcast_buffers: bool = _setting(True, "DDP: whether rank 0 sends its buffers before every forward")
    shard: str = _setting("", "fully_shard: blocks, by name with commas, that are sharded apart from the root")
    reshard_after_forward: bool = _setting(
        True, "fully_shard: whether gathered parameters go after a block's forward (ZeRO-3) or stay (ZeRO-2)"
    )
    replicate: int = _setting(1, "fully_shard, HSDP: how many copies of the sharded model there are; each is on ranks / replicate GPUs")
    param_dtype: str = _setting("none", "fully_shard, MixedPrecisionPolicy: dtype of gathered parameters and of inputs", "none", *DTYPES)
    reduce_dtype: str = _setting("none", "fully_shard, MixedPrecisionPolicy: dtype in which gradients are reduced", "none", *DTYPES)
    output_dtype: str = _setting("none", "fully_shard, MixedPrecisionPolicy: dtype to which results are cast", "none", *DTYPES)
    cast_forward_inputs: bool = _setting(True, "fully_shard, MixedPrecisionPolicy: whether inputs are cast to param_dtype")
    offload_policy: str = _setting(
        "none", "fully_shard: cpu keeps parts, gradients and optimizer states in host memory (CPUOffloadPolicy)", "none", "cpu"
    )
    expandable_segments: bool = _setting(False, "PYTORCH_CUDA_ALLOC_CONF: segments that grow, in place of one per cudaMalloc")
    max_split_size_mb: int = _setting(0, "PYTORCH_CUDA_ALLOC_CONF: larger blocks are never split; none by default")
    roundup_power2_divisions: int = _setting(0, "PYTORCH_CUDA_ALLOC_CONF: requests are rounded up to such parts of a power of two")

    @property
    def dtype(self) -> str:
        """The dtype of parameters."""
        return DTYPES.get(self.precision, "float32")

    @property
    def autocast(self) -> str:
        """The dtype that autocast lowers to, or nothing."""
        return DTYPES[self.precision.removeprefix("amp-")] if self.precision.startswith("amp-") else ""

    @property
    def gathered(self) -> str:
        """The dtype in which fully_shard gathers parameters, or nothing."""
        return DTYPES.get(self.param_dtype, "")

    @property
    def unit_inputs(self) -> str:
        """The dtype to which fully_shard casts what the parts of a model are given, or nothing."""
        return self.gathered if self.cast_forward_inputs else ""

    @property
    def unit_outputs(self) -> str:
        """The dtype to which fully_shard casts what the parts of a model give, or nothing."""
        return DTYPES.get(self.output_dtype, "")

    @property
    def offloaded(self) -> bool:
        """Whether parameters and all that the optimizer has are in host memory."""
        return self.offload_policy == "cpu"

    @property
    def scaler(self) -> bool:
        """Whether a GradScaler scales the loss."""
        return self.precision == "amp-fp16"

    @property
    def form(self) -> str:
        """The form of the optimizer's step, the default resolved."""
        return OPTIMIZERS[self.optimizer].default if self.optimizer_form == "default" else self.optimizer_form


CHOICES: Mapping[str, tuple[str, ...]] = {
    f.name: f.metadata["choices"] or (("true", "false") if f.type == "bool" else ()) for f in fields(Run)
}
MEANING: Mapping[str, str] = {f.name: f.metadata["meaning"] for f in fields(Run)}


def read_run(written: Mapping[str, Scalar], overrides: Mapping[str, str], *, has_loss: bool = True) -> Run:
    """The settings of a config with the command line's on top. Raises InvalidConfig with every problem.

    A config without a loss is run in inference unless a mode is given.
    """
    problems: list[Problem] = []
    run = Run(mode="train" if has_loss else "infer")
    given = {k: (_word(v.value), v.origin) for k, v in written.items()}
    given |= {k: (v, Origin("command line")) for k, v in overrides.items()}
    for key, (word, origin) in given.items():
        try:
            setting: Any = _read(key, word, origin)
            run = replace(run, **{key: setting})
        except InvalidConfig as error:
            problems.extend(error.problems)
    places = {key: origin for key, (_, origin) in given.items()}
    problems.extend((*_inconsistent(run, given), *(refused(run, places) if not problems else ())))
    if problems:
        raise InvalidConfig(*problems)
    return resolved(run)


def _read(key: str, word: str, origin: Origin) -> str | bool | int:
    if key not in CHOICES:
        raise InvalidConfig(Problem(origin, f"unknown run setting '{key}'", nearest(key, CHOICES)))
    choices = CHOICES[key]
    if key in LISTS or key in EXPRESSIONS:
        return word
    if not choices:
        if word.isdigit() and int(word[:9]) >= 1 and len(word) <= 7 and int(word) <= MAX_COUNT:
            return int(word)
        raise InvalidConfig(Problem(origin, f"run.{key} cannot be '{word}'", f"a whole number from 1 to {MAX_COUNT}"))
    choice = next((c for c in choices if c.lower() == word.lower()), None)
    if choice is None:
        raise InvalidConfig(Problem(origin, f"run.{key} cannot be '{word}'", f"one of: {', '.join(choices)}"))
    return choice == "true" if choices == ("true", "false") else choice


def _inconsistent(run: Run, given: Mapping[str, tuple[str, Origin]]) -> list[Problem]:
    """Settings that PyTorch would refuse together, or that the optimizer does not know."""
    optimizer, problems = OPTIMIZERS[run.optimizer], []
    place = given.get("optimizer_form", given.get("optimizer", ("", Origin("command line"))))[1]
    if {"foreach": optimizer.foreach, "forloop": optimizer.forloop, "fused": optimizer.fused}[run.form] is None:
        problems.append(Problem(place, f"{optimizer.name} has no {run.form} form"))
    for option in ("momentum", "nesterov", "amsgrad", "centered"):
        if getattr(run, option) and option not in optimizer.options:
            problems.append(Problem(given[option][1], f"{optimizer.name} has no option '{option}'"))
    if run.weights != "precision" and (run.mode == "train" or run.autocast or not run.no_grad):
        hint = "run.mode=infer, without autocast, under no_grad"
        problems.append(Problem(given["weights"][1], f"weights in {run.weights} are for inference in {', '.join(DTYPES)}", hint))
    if run.weights == "int4" and run.precision != "bf16":
        problems.append(Problem(given["weights"][1], f"weights in int4 need a model in bf16, not {run.precision}", "run.precision=bf16"))
    if run.nesterov and not run.momentum:
        problems.append(Problem(given["nesterov"][1], "nesterov needs momentum", "run.momentum=true"))
    return problems + _allocator(run, given)


def _allocator(run: Run, given: Mapping[str, tuple[str, Origin]]) -> list[Problem]:
    """Options that PyTorch's allocator refuses, and two that are not known together."""
    problems = []
    if 0 < run.max_split_size_mb <= 20:
        problems.append(Problem(given["max_split_size_mb"][1], "max_split_size_mb must be more than 20"))
    if run.roundup_power2_divisions & run.roundup_power2_divisions - 1:
        problems.append(Problem(given["roundup_power2_divisions"][1], "roundup_power2_divisions must be a power of two"))
    if run.max_split_size_mb and run.expandable_segments:
        problems.append(Problem(given["max_split_size_mb"][1], "max_split_size_mb is not known together with expandable_segments"))
    return problems


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
