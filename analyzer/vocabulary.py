"""The ops as text: signatures and gradient formulas, taken from the rules themselves.

Formulas are read off the steps that an op records when it is applied to small example tensors.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product as combinations
from typing import Any

from analyzer.graph import Step, Storage, Tensor, contiguous
from analyzer.ops import OPS, Argument, Op
from analyzer.polynomial import Poly, poly
from analyzer.polynomial import product as total
from analyzer.problems import InvalidConfig, Origin, Problem, nearest
from analyzer.sizes import Device, Sizes
from analyzer.tracing import Refused, Tracer

VIEWS = frozenset({"view", "unsafe_view", "permute", "expand", "clone"})
EXAMPLES: dict[str, tuple[Any, ...]] = {
    "size": (poly(4), poly(2)), "sizes": ([poly(2), poly(-1)], [poly(4)], [poly(4), poly(4), poly(4)]), "number": (0.5,), "index": (0, 1),
    "probability": (0.5,), "ratio": (poly(2),), "indices": ([0], [1, 0, 2]),
    "word": ("ij,jk->ik", "float16", "mean", "constant", "nearest"), "flag": (True,), "none": (None,),
}  # fmt: skip


def described(names: tuple[str, ...] = ()) -> str:
    """The named ops, or all by family: signature, equation, and each primitive's gradient formulas."""
    unknown = [n for n in names if n not in OPS]
    if unknown:
        raise InvalidConfig(*(Problem(Origin("command line"), f"unknown op '{n}'", nearest(n, OPS)) for n in unknown))
    chosen = [op for op in OPS.values() if not names or op.name in names]
    lines: list[str] = []
    family = ""
    for op in sorted(chosen, key=lambda o: (o.family, o.name)):
        if op.family != family:
            family = op.family
            lines += ["", f"[{family}]"] if lines else [f"[{family}]"]
        lines += [f"{signature(op)}", f"    {op.equation}", *(f"    {line}" for line in gradients(op))]
    return "\n".join(lines) + "\n"


def signature(op: Op) -> str:
    """Name and arguments as one would call it."""
    return f"{op.name}({', '.join(_argument(a) for a in op.arguments)})"


def _argument(argument: Argument) -> str:
    if argument.required:
        return argument.name if argument.takes_tensor else f"{argument.name}: {'|'.join(argument.kinds)}"
    default = argument.default
    return f"{argument.name}={default.constant if isinstance(default, Poly) else default}"


def gradients(op: Op) -> list[str]:
    """`primitive: d input = formula` for the primitives an op is made of, views left out beside others; empty without a gradient."""
    lines: dict[str, bool] = {}
    for step in _steps(op):
        written = "; ".join(f"d {key} = {formula}" for key, formula in step.rule.grads.items())
        if written:
            lines[f"{step.op}: {written}"] = step.op in VIEWS
    return [line for line, is_view in lines.items() if not is_view or all(lines.values())]


def _steps(op: Op) -> list[Step]:
    """The steps of the first example that the op takes and that has a gradient."""
    best: list[Step] = []
    for positional, attributes in _examples(op):
        tracer = Tracer(training=True, grad=True)
        with Sizes({}, Device()).active(), tracer.active():
            tracer.push()
            try:
                op.function(*positional, **attributes)
            except (Refused, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, AssertionError):
                continue
        steps = [i for i in tracer.instructions if isinstance(i, Step)]
        if any(s.rule.grads for s in steps):
            return steps
        best = best or steps
    return best


def _examples(op: Op) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    """Arguments to try: tensors of several ranks, the first perhaps of whole numbers, required attributes of their kinds."""
    required = [a for a in op.arguments if a.required and not a.takes_tensor]
    choices = [[v for kind in a.kinds for v in EXAMPLES.get(kind, ())] for a in required]
    for rank, dtype in combinations((2, 3, 4, 5, 1), ("float32", "int64")):
        for values in combinations(*choices):
            given = {a.name: v for a, v in zip(required, values)}
            tensors = [_tensor(rank, dtype if i == 0 else "float32") for i, a in enumerate(op.arguments) if a.takes_tensor]
            positional = [
                [*tensors, *tensors][:2] if "tensors" in a.kinds else tensors[i] if a.takes_tensor else given.pop(a.name)
                for i, a in enumerate(op.arguments)
                if not a.keyword and (a.takes_tensor or a.required)
            ]
            yield positional, given


def _tensor(rank: int, dtype: str) -> Tensor:
    shape = (poly(4),) * rank
    storage = Storage(total(shape) * 4, "activation", "", Origin(""))
    return Tensor(shape, contiguous(shape), dtype, storage, dtype == "float32")
