"""Gradient formulas as ops: what a backward pass that is itself recorded runs, and keeps.

Source: torchgen/packaged/autograd/derivatives.yaml (the formulas, those of `..._backward` functions, and the infinitely
differentiable ones that grad mode chooses), torch 2.13.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from analyzer.formulas import ARITHMETIC, parsed
from analyzer.graph import Rule, Shape, Step, Tensor
from analyzer.ops import double_backward as second
from analyzer.ops.conversion import to
from analyzer.ops.elementwise import add, div, mul, neg, rsub, sub
from analyzer.ops.joining import narrow
from analyzer.ops.matmul import mm, transposed
from analyzer.ops.power import pow, reciprocal
from analyzer.ops.reduction import _sum
from analyzer.ops.shape import _expand, as_shape, permute, unsqueeze
from analyzer.polynomial import ONE, Poly, poly
from analyzer.tracing import Refused, Tracer

STANDING = ("parameter", "buffer", "input")
IN_GRAD_MODE = {"native_dropout": {"x": "g * (cast(mask, g.dtype) * 2)"}}  # in the place of a rule's own formulas
OPERATORS: Mapping[str, Callable[..., Tensor]] = {"add": add, "sub": sub, "mul": mul, "div": div, "pow": pow}


class Recorded:
    """The formulas of one step applied to gradients that arrived."""

    def __init__(self, tracer: Tracer, step: Step, arrived: Mapping[int, Tensor]) -> None:
        self.tracer, self.step = tracer, step
        self.names: dict[str, Any] = {"n": ONE, **step.rule.constants}
        self.names |= {"g": arrived[min(arrived)], **{f"g{i}": g for i, g in arrived.items()}}
        self.unpacked: dict[str, Tensor] = {}
        self.target: Tensor

    def gradient(self, formula: str, target: Tensor) -> Tensor:
        """The gradient of an input, by a formula of the step's rule."""
        self.target = target
        name = next(name for name, tensor in self.step.inputs.items() if tensor is target)
        found: Tensor = self._value(parsed(IN_GRAD_MODE.get(self.step.op, {}).get(name, formula)))
        return found

    def _value(self, node: ast.expr) -> Any:
        match node:
            case ast.Name(id=name):
                return self.names[name] if name in self.names else self._saved(name)
            case ast.Constant(value=int(value)):
                return poly(value)
            case ast.Constant(value=str(value)):
                return value
            case ast.Attribute(value=ast.Name(id=name), attr="shape"):
                return self.names[name].shape if name in self.names else self.step.inputs[name].shape
            case ast.Attribute(value=value, attr="T"):
                return transposed(self._value(value))
            case ast.Attribute(value=value, attr="dtype"):
                return self._value(value).dtype
            case ast.UnaryOp(operand=ast.Constant(value=int(value))):
                return poly(-value)
            case ast.UnaryOp(operand=operand):
                return neg(self._value(operand))
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in ARITHMETIC:
                return _arithmetic(ARITHMETIC[type(operator)], self._value(left), self._value(right))
            case ast.Call(func=ast.Name(id=name), args=args) if name in WORDS:
                return WORDS[name](self, *[self._value(a) for a in reversed(args)][::-1])  # gcc begins with the last
        raise Refused(f"the gradient of {self.step.op}, at {self.step.origin}, has no rule for being differentiated again")

    def _saved(self, name: str) -> Tensor:
        """A tensor that the step kept, taken out of it: another Python object over the same memory."""
        step = self.step
        outputs = {f"y{i}" if i else "y": tensor for i, tensor in enumerate(step.outputs)}
        kept = {**step.inputs, **outputs, **step.aux}[name]
        standing = kept.storage.kind in STANDING and not (kept.storage.kind == "input" and kept.requires_grad)
        if standing and kept.base is None:
            return kept
        if name not in self.unpacked:
            tensor = replace(kept)
            rule = Rule((), constants={"unpacked": (step, name)})
            self.tracer.instructions.append(Step("unpack", rule, {}, (tensor,), {}, frozenset(), self.tracer.label, self.tracer.origin))
            self.unpacked[name] = self.tracer.own(tensor)
        return self.unpacked[name]


def _arithmetic(name: str, left: Any, right: Any) -> Any:
    if isinstance(left, Poly) and isinstance(right, Poly):
        return {"add": left + right, "sub": left - right, "mul": left * right}[name]
    if isinstance(left, Tensor):
        return OPERATORS[name](left, right)
    if name == "div":
        return mul(reciprocal(right), left)
    return rsub(right, left) if name == "sub" else OPERATORS[name](right, left)


def _expanded(formula: Recorded, g: Tensor, shape: Shape, dims: tuple[int, ...]) -> Tensor:
    """sum_backward: dimensions that were left out come back, and all are expanded."""
    if g.shape and len(g.shape) < len(shape):
        for dim in sorted(dims):
            g = unsqueeze(g, dim=dim)
    expanded: Tensor = _expand(g, shape)
    return expanded


def _product(formula: Recorded, a: Tensor, b: Tensor) -> Tensor:
    """mm_mat1_grad and mm_mat2_grad: column-major for an operand that is."""
    target = formula.target
    if target.strides[0] == ONE and target.strides[1] == target.shape[0]:
        return transposed(mm(transposed(b), transposed(a)))
    product: Tensor = mm(a, b)
    return product


def _permuted(formula: Recorded, g: Tensor, dims: tuple[int, ...]) -> Tensor:
    turned: Tensor = permute(g, dims=list(dims))
    return turned


def _part(formula: Recorded, g: Tensor, dim: int, start: Poly, shape: Shape) -> Tensor:
    part: Tensor = narrow(g, dim=dim, start=start, length=shape[dim])
    return part


def _cast(formula: Recorded, x: Tensor, dtype: str) -> Tensor:
    made: Tensor = to(x, dtype=dtype)
    return made


def _batch_norm(formula: Recorded, name: str, g: Tensor, x: Tensor, mean: Tensor, invstd: Tensor, *rest: Tensor) -> Tensor:
    weight = rest[0] if "weight" in formula.step.inputs else None
    made: Tensor = second.batch_norm_backward(g, x, weight, mean, invstd)
    return made


WORDS: Mapping[str, Callable[..., Any]] = {
    "expand": _expanded,
    "mm": _product,
    "reshape": lambda formula, g, shape: as_shape(g, shape),
    "permute": _permuted,
    "narrow": _part,
    "cast": _cast,
    "native_batch_norm_backward": _batch_norm,
    **{name: lambda formula, g, x, f=function: f(g, x) for name, function in second.POINTWISE.items()},
}


def validated(gradient: Tensor, like: Tensor) -> Tensor:
    """validate_outputs: a gradient of another shape is summed to its input's."""
    if gradient.shape == like.shape:
        return gradient
    pad = len(gradient.shape) - len(like.shape)
    own = (ONE,) * pad + like.shape
    dims = tuple(d for d, (a, b) in enumerate(zip(gradient.shape, own)) if d < pad or (a != b and b == ONE))
    reduced: Tensor = _sum(gradient, dims, True) if dims else gradient
    return as_shape(reduced, like.shape) if pad else reduced
