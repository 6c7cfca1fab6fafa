"""Evaluates gradient formulas over arrays: each kernel allocates what its CUDA implementation does."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from analyzer.formulas import ARITHMETIC, parsed
from analyzer.graph import Rule, Shape
from analyzer.ops.elementwise import promoted_dtype
from analyzer.ops.layout import broadcast, elementwise_strides
from analyzer.polynomial import ZERO, Poly
from analyzer.run.arrays import Array, Memory
from analyzer.run.heap import Extent
from analyzer.run.kernel_functions import KERNELS, like
from analyzer.run.kernel_reductions import sum_to

__all__ = ["Formula", "is_known", "sum_to"]
ELEMENTWISE = frozenset({"abs", "cos", "cosh", "digamma", "exp", "flip", "log", "rsqrt", "sgn", "sin", "sinh", "xlogy"})
POINTWISE = frozenset(
    f"{name}_backward" for name in (
        "elu", "gelu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "log_sigmoid", "mish", "prelu", "sigmoid",
        "silu", "softplus", "softshrink", "tanh",
    )
)  # fmt: skip
SPARSE = frozenset({"gather", "index_select", "nll_loss_backward", "row_major", "zeros_like"})
"""Kernels that read little of their arguments: what they read is not counted."""
DEFINED = {
    "logical_and": (("a", "b"), "compare(a, b)"),
    "isfinite": (("x",), "compare(x) * compare(abs(x))"),
    "scale_grad_by_count": (("g", "mask", "dims"), "(g / count(mask, dims)) * mask"),
    "soft_margin": (("x", "target"), "exp(-target * x)"),
    "soft_margin_loss_backward": (("g", "x", "target"), "target * soft_margin(x, target)"),
    "std_to_var": (("g", "y"), "masked_fill_(g / (y * 2), compare(y))"),
    "var_backward": (("g", "x", "dims"), "(2 * restored(g, x.shape, dims)) * (x - mean(x, dims))"),
    "is_zero_power": (("x", "exponent"), "compare(compare(x), compare(exponent))"),
    "pow_backward_exponent": (("g", "x", "y", "zero"), "g * where(zero, scalar(), y * log(x))"),
}
"""Functions of ATen or FunctionsManual.cpp that are formulas themselves: what they make on the way goes when they return."""


class Formula:
    """One evaluation of one formula: its temporaries live until `close`."""

    def __init__(self, memory: Memory, names: Mapping[str, Any], target: Array, label: str, rule: Rule = Rule(())) -> None:
        self.memory, self.names, self.target, self.label, self.rule = memory, names, target, label, rule
        self.temporaries: list[Array] = []
        self.flops = ZERO  # of the kernel that runs

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

    def scratch(self, *sizes: Poly) -> None:
        """Blocks that a kernel takes, and gives back before it returns."""
        self.memory.heap.scratch(self.label, *sizes)

    def defined(self, name: str, args: list[Any]) -> Array:
        """A function that is a formula: only its result outlives it."""
        parameters, formula = DEFINED[name]
        inner = Formula(self.memory, dict(zip(parameters, args)), self.target, self.label, self.rule)
        result = self.own(inner.value(formula))
        inner.close()
        return result

    def elementwise(self, *operands: Any, dtype: str = "") -> Any:
        """A new array over the operands' common shape; of numbers alone, a number."""
        arrays = [a for a in operands if isinstance(a, Array)]
        if not arrays:
            return operands[0]
        shape = broadcast(*(a.shape for a in arrays))
        strides = elementwise_strides(shape, [(a.shape, a.strides) for a in arrays])
        return self.fresh(shape, dtype or promoted_dtype(*arrays), strides)

    def run(self, name: str, kernel: Callable[..., Any], args: list[Any]) -> Any:
        """The result of a kernel. It is remembered if it makes anything or changes its first argument in place."""
        heap = self.memory.heap
        before, self.flops = len(heap.blocks), ZERO
        result = kernel(*args)
        if not heap.is_steady:
            return result
        made: list[Extent] = [block.size for block in heap.blocks[before:] if block.death is None]
        arrays = list(dict.fromkeys(a for a in args if isinstance(a, Array)))
        if made or (arrays and name.endswith("_")):
            read = [array.extent for array in (arrays if made else arrays[1:])] if name not in SPARSE else []
            work = self.rule.work
            work = replace(work, flops=work.backward.get(name, self.flops), dtype=work.dtype or (arrays[0].dtype if arrays else ""))
            heap.launch(read, made or [arrays[:2][-1].extent], work=work, gradient=True)
        return result

    def _evaluate(self, node: ast.expr) -> Any:
        match node:
            case ast.Name(id=name):
                return self.names.get(name)
            case ast.Constant(value=value):
                return value
            case ast.Attribute(value=value, attr=attribute):
                return self._attribute(self._evaluate(value), attribute)
            case ast.UnaryOp(operand=ast.Constant(value=value)):
                return value
            case ast.UnaryOp(operand=operand):
                return self.run("neg", Formula.elementwise, [self, self._evaluate(operand)])
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in ARITHMETIC:
                name = ARITHMETIC[type(operator)]
                return self.run(name, KERNELS.get(name, Formula.elementwise), [self, self._evaluate(left), self._evaluate(right)])
            case ast.Call(func=ast.Name(id=name), args=args) if name.endswith("_"):
                return self._call(name, [self._evaluate(a) for a in args])
            case ast.Call(func=ast.Name(id=name), args=args):
                return self._call(name, [self._evaluate(a) for a in reversed(args)][::-1])  # gcc begins with the last
        raise AssertionError(f"formula syntax {ast.dump(node)}")

    def _attribute(self, array: Array, attribute: str) -> Any:
        if attribute == "T":
            shape, strides = (*array.shape[:-2], array.shape[-1], array.shape[-2]), array.strides
            return self.own(self.memory.alias(array, shape, (*strides[:-2], strides[-1], strides[-2])))
        return array.shape if attribute == "shape" else array.dtype

    def _call(self, name: str, args: list[Any]) -> Any:
        result = self._result(name, args)
        for size in self.rule.workspace.get(name, ()):
            self.scratch(size)
        return result

    def _result(self, name: str, args: list[Any]) -> Any:
        if name in DEFINED and name not in KERNELS:
            return self.defined(name, args)
        kernel = KERNELS.get(name)
        if kernel is None:
            kernel = Formula.elementwise if name in ELEMENTWISE or name in POINTWISE else _changed if name.endswith("_") else _like_target
        return self.run(name, kernel, [self, *args])


def _changed(formula: Formula, array: Array, *others: Any) -> Array:
    """What a kernel in place returns."""
    return array


def _like_target(formula: Formula, *operands: Any) -> Array:
    """What a kernel without a rule of its own makes: the gradient, shaped as what it is of."""
    return like(formula, formula.target)


def is_known(name: str) -> bool:
    """Whether a formula may call this function: a kernel, one in place, or one that returns its target's shape."""
    return name in KERNELS or name in DEFINED or name in ELEMENTWISE or name.endswith(("_", "_backward"))
