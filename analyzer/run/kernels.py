"""Evaluates gradient formulas over arrays: each kernel allocates what its CUDA implementation does."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from analyzer.formulas import ARITHMETIC, parsed
from analyzer.graph import Shape, contiguous
from analyzer.ops.layout import broadcast, elementwise_strides, view_strides
from analyzer.ops.reduction import reduction_scratch
from analyzer.polynomial import ONE, ZERO, Poly
from analyzer.run.arrays import Array, Memory

Kernel = Callable[..., Any]


class Formula:
    """One evaluation of one formula: its temporaries live until `close`."""

    def __init__(self, memory: Memory, names: Mapping[str, Any], target: Array, label: str,
                 workspace: Mapping[str, tuple[Poly, ...]]) -> None:  # fmt: skip
        self.memory, self.names, self.target, self.label = memory, names, target, label
        self.workspace = workspace
        self.temporaries: list[Array] = []

    def value(self, formula: str) -> Array:
        """The result, held once for the caller."""
        result = self._evaluate(parsed(formula))
        assert isinstance(result, Array)
        result.refs += 1
        return result

    def close(self) -> None:
        """The end of the expression: temporaries go."""
        for array in self.temporaries:
            self.memory.release(array)

    def own(self, array: Array) -> Array:
        """Let an array live until the end of the expression."""
        self.temporaries.append(array)
        return array

    def fresh(self, shape: Shape, dtype: str, strides: Shape | None = None) -> Array:
        """A temporary that a kernel allocates."""
        return self.own(self.memory.fresh(shape, dtype, strides, "temporary", self.label))

    def scratch(self, size: Poly) -> None:
        """Bytes that a kernel takes and gives back before it returns."""
        if size:
            heap = self.memory.heap
            heap.release(heap.alloc(size, "workspace", f"{self.label} scratch"))

    def _evaluate(self, node: ast.expr) -> Any:
        match node:
            case ast.Name(id=name):
                return self.names[name]
            case ast.Constant(value=value):
                return value
            case ast.Attribute(value=value, attr=attribute):
                return self._attribute(self._evaluate(value), attribute)
            case ast.UnaryOp(operand=ast.Constant(value=value)):
                return value
            case ast.UnaryOp(operand=operand):
                return self._elementwise(self._evaluate(operand))
            case ast.BinOp(left=left, op=ast.MatMult(), right=right):
                return matmul(self, self._evaluate(left), self._evaluate(right))
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in ARITHMETIC:
                return self._elementwise(self._evaluate(left), self._evaluate(right))
            case ast.Call(func=ast.Name(id=name), args=args):
                return self._call(name, [self._evaluate(a) for a in args])
        raise AssertionError(f"formula syntax {ast.dump(node)}")

    def _attribute(self, array: Array, attribute: str) -> Any:
        if attribute == "T":
            shape, strides = (*array.shape[:-2], array.shape[-1], array.shape[-2]), array.strides
            return self.own(self.memory.alias(array, shape, (*strides[:-2], strides[-1], strides[-2])))
        return array.shape if attribute == "shape" else array.dtype

    def _elementwise(self, *operands: Any) -> Array:
        arrays = [a for a in operands if isinstance(a, Array)]
        shape = broadcast(*(a.shape for a in arrays))
        strides = elementwise_strides(shape, [(a.shape, a.strides) for a in arrays])
        ranked = [a for a in arrays if a.shape] or arrays
        dtype = next((a.dtype for a in ranked if a.dtype != "bool"), ranked[0].dtype)
        return self.fresh(shape, dtype, strides)

    def _call(self, name: str, args: list[Any]) -> Any:
        kernel = KERNELS.get(name)
        result = kernel(self, *args) if kernel else like(self, self.target)
        for size in self.workspace.get(name, ()):
            self.scratch(size)
        return result


def like(formula: Formula, array: Array) -> Array:
    """What a `..._backward` kernel returns: a new array shaped as the input it is the gradient of."""
    return formula.fresh(array.shape, array.dtype, elementwise_strides(array.shape, [(array.shape, array.strides)]))


def matmul(formula: Formula, a: Array, b: Array) -> Array:
    """A product; the gradient of a transposed operand is made transposed, as mm_mat2_grad does."""
    shape = (*a.shape[:-1], b.shape[-1])
    target = formula.target
    if len(shape) == 2 and target.strides[0] == ONE and target.strides[1] != ONE:
        base = formula.fresh((shape[1], shape[0]), a.dtype)
        return formula.own(formula.memory.alias(base, shape, (ONE, shape[0])))
    return formula.fresh(shape, a.dtype)


def reshape(formula: Formula, g: Array, shape: Shape) -> Array:
    """A view where the strides allow one, else a contiguous copy."""
    strides = view_strides(g.shape, g.strides, shape)
    if strides is not None:
        return formula.own(formula.memory.alias(g, shape, strides))
    return formula.fresh(shape, g.dtype)


def permute(formula: Formula, g: Array, dims: tuple[int, ...]) -> Array:
    """A view with the dimensions in another order."""
    return formula.own(formula.memory.alias(g, tuple(g.shape[d] for d in dims), tuple(g.strides[d] for d in dims)))


def expand(formula: Formula, g: Array, shape: Shape, dims: tuple[int, ...]) -> Array:
    """A view of a reduced gradient over the full shape, with strides of 0."""
    kept = iter(g.strides if len(g.shape) < len(shape) else [s for d, s in enumerate(g.strides) if d not in dims])
    strides = tuple(ZERO if d in dims else next(kept) for d in range(len(shape)))
    return formula.own(formula.memory.alias(g, shape, strides))


def sum_to(formula: Formula, g: Array, shape: Shape) -> Array:
    """The gradient of a broadcast operand: summed over what was broadcast."""
    pad = len(g.shape) - len(shape)
    own = (ONE,) * pad + shape
    dims = [d for d, (a, b) in enumerate(zip(g.shape, own)) if d < pad or (a != b and b == ONE)]
    if not dims:
        return g
    scratch = reduction_scratch(g.shape, g.strides, dims)
    result = formula.fresh(own, g.dtype)
    formula.scratch(scratch)
    return formula.own(formula.memory.alias(result, shape, contiguous(shape), view=bool(pad))) if pad else result


def sum_to_channels(formula: Formula, g: Array) -> Array:
    """A convolution's bias gradient: summed over all but the channels."""
    dims = [d for d in range(len(g.shape)) if d != 1]
    result = formula.fresh((g.shape[1],), g.dtype)
    formula.scratch(reduction_scratch(g.shape, g.strides, dims))
    return result


def narrow(formula: Formula, g: Array, dim: int, start: Poly, shape: Shape) -> Array:
    """A view of a part along one dimension."""
    return formula.own(formula.memory.alias(g, shape, g.strides))


def zeros(formula: Formula, shape: Shape) -> Array:
    """A new array of zeros."""
    return formula.fresh(shape, formula.target.dtype)


def copy_into(formula: Formula, whole: Array, part: Array) -> Array:
    """The whole, a part of it overwritten."""
    return whole


def compare(formula: Formula, x: Array) -> Array:
    """A comparison with a bound: one byte an element."""
    return formula.fresh(x.shape, "bool", elementwise_strides(x.shape, [(x.shape, x.strides)]))


def both(formula: Formula, a: Array, b: Array) -> Array:
    """logical_and_ in place."""
    return a


def where(formula: Formula, mask: Array, g: Array) -> Array:
    """The gradient where the mask allows it, else 0."""
    return formula.fresh(g.shape, g.dtype, elementwise_strides(g.shape, [(mask.shape, mask.strides), (g.shape, g.strides)]))


def cast(formula: Formula, g: Array, dtype: str) -> Array:
    """A copy in another dtype."""
    return g if g.dtype == dtype else formula.fresh(g.shape, dtype, g.strides)


def clone(formula: Formula, g: Array) -> Array:
    """A copy."""
    return like(formula, g)


def overwritten(formula: Formula, whole: Array, part: Array) -> Array:
    """The whole, a part of it replaced in place."""
    return whole


def scattered(formula: Formula, g: Array, shape: Shape) -> Array:
    """as_strided_backward: a new storage of the base's size that the gradient is copied into, seen as the base."""
    storage = formula.fresh(shape, g.dtype)
    return formula.own(formula.memory.alias(storage, shape, contiguous(shape)))


def sgn(formula: Formula, x: Array) -> Array:
    """The sign of each element."""
    return like(formula, x)


KERNELS: dict[str, Kernel] = {
    f.__name__: f
    for f in (
        reshape,
        permute,
        expand,
        sum_to,
        sum_to_channels,
        narrow,
        zeros,
        copy_into,
        compare,
        both,
        where,
        cast,
        clone,
        overwritten,
        scattered,
        sgn,
    )
}
VOCABULARY_SUFFIX = "_backward"


def is_known(name: str) -> bool:
    """Whether a formula may call this function: a kernel above, or one that returns its target's shape."""
    return name in KERNELS or name.endswith(VOCABULARY_SUFFIX)
