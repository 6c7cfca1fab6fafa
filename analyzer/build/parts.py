"""What an op may do with a tensor of which a rank has a part, and what the rank has of its results then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from analyzer.build.layouts import SEQUENCE_PARALLEL
from analyzer.graph import Tensor
from analyzer.ops import OPS
from analyzer.ops.collectives import CLASSES, FEATURES, GATHERED, SEQUENCE, SEQUENCE_DIM, layout_of
from analyzer.tensors import PARTIAL
from analyzer.tracing import Refused, Tracer

ALONG_FEATURES = frozenset({
    "Linear", "LayerNorm", "layer_norm", "RMSNorm", "dropout", "Dropout", "dropout_", "mean", "sum", "var", "amax",
    "clone", "contiguous", "detach",
})  # fmt: skip
POINTWISE = frozenset({"elementwise", "activation", "activation_modules", "unary", "power", "conversion", "comparison", "inplace"})
RESHAPING = frozenset(
    {"view", "reshape", "flatten", "unflatten", "contiguous", "clone", "detach", "slice", "narrow", "to", "float", "type_as"}
)
LIKE = frozenset({"new_zeros", "new_ones"})  # take a dtype only


def check(op: str, style: str, operands: Sequence[Any], results: Sequence[Tensor], tracer: Tracer) -> None:
    """What a rank has of the results of an op that is not divided itself. Raises Refused where they would be nothing sensible."""
    if op in LIKE or not tracer.layouts or style not in ("", SEQUENCE_PARALLEL):
        return
    tensors = list(_tensors(operands[:1] if op == "type_as" else operands))
    found = {layout_of(t): t for t in tensors if layout_of(t)}
    if GATHERED in found:
        hint = "call it before, in a block that does not gather"
        raise Refused(f"{found[GATHERED].origin} is gathered for column-parallel layers, and {op} is none", hint)
    if SEQUENCE in found:
        _check_sequence(op, tensors, found[SEQUENCE], results, tracer)
    if CLASSES in found:
        _check_classes(op, found[CLASSES], results)
    kept = next((layout for layout in (SEQUENCE, CLASSES, FEATURES) if layout in found), "")
    for tensor in results if kept else ():
        tracer.layouts[tensor.storage] = kept


def _check_sequence(op: str, tensors: Sequence[Tensor], part: Tensor, results: Sequence[Tensor], tracer: Tracer) -> None:
    length = part.shape[SEQUENCE_DIM] if len(part.shape) > SEQUENCE_DIM else None
    alike = all(len(r.shape) > SEQUENCE_DIM and r.shape[SEQUENCE_DIM] == length for r in results)
    if not alike or (OPS[op].family not in POINTWISE and op not in ALONG_FEATURES):
        message = f"a rank has only a part of the sequence of {part.origin}, and {op} needs all of it"
        raise Refused(message, "shard: {x: gathered} in a block that takes it as x")
    read = [t for t in tensors if t.storage.kind == "parameter"]
    made = [p for p in tracer.parameters.values() if p.name.startswith(f"{tracer.path}.")] if OPS[op].is_module else []
    if any(p.requires_grad and p.storage.placement != PARTIAL for p in (*read, *made)):
        message = f"each rank would have another gradient of the parameters of {op}: it sees a part of the sequence"
        hint = "shard: {up: colwise}" if op == "Linear" else "shard: {norm: sequence_parallel}"
        raise Refused(message, f"{hint} in the block that calls it, or {{x: gathered}} in one that takes it as x")


def _check_classes(op: str, part: Tensor, results: Sequence[Tensor]) -> None:
    if op not in RESHAPING or any(not r.shape or r.shape[-1] != part.shape[-1] for r in results):
        message = f"a rank has only a part of the classes of {part.origin}, which cross_entropy takes, and {op} does not"
        raise Refused(message, "run.loss_parallel=false")


def _tensors(operands: Sequence[Any]) -> Iterator[Tensor]:
    for operand in operands:
        yield from (operand,) if isinstance(operand, Tensor) else _tensors(operand) if isinstance(operand, (list, tuple)) else ()
