"""Tensor arithmetic written as arithmetic: `let: {kld: mean(0.5*(s**2 + m**2 - 1 - log(s**2)))}`.

Each operator and function is one op, in Python's order of evaluation, and operands that nobody else names go when the op
has run, as values on Python's stack do.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from analyzer.build.application import apply
from analyzer.build.frame import POISON, Frame, Poison
from analyzer.build.source import NAME, Statement, is_name
from analyzer.build.values import refuse, symbol, tensor_of
from analyzer.document import Mapping, Scalar
from analyzer.expressions import Expression, Operation, parse, size
from analyzer.graph import Tensor
from analyzer.ops import OPS, Op
from analyzer.polynomial import Poly, poly
from analyzer.problems import nearest

BINARY = {"+": "add", "-": "sub", "*": "mul", "/": "div", "**": "pow"}
Value = Tensor | Poly | Poison


def assign(statement: Statement, frame: Frame) -> None:
    """Run `let`: each name gets the value of its expression, in order."""
    if not isinstance(statement.value, Mapping):
        raise refuse(statement.value.origin if statement.value else statement.origin,
                     "let needs names and expressions", "- let: {z: mu + eps * std}")  # fmt: skip
    frame.forget_previous()
    for key, source in statement.value.entries:
        if not isinstance(source, Scalar) or source.value is None or isinstance(source.value, bool):
            raise refuse(source.origin, f"'{key.value}' must be an expression")
        if not is_name(str(key.value)):
            raise refuse(key.origin, f"'{key.value}' is no name for a tensor", NAME)
        frame.tracer.origin = source.origin
        tree = parse(source.value, source.origin) if isinstance(source.value, str) else source.value
        evaluation = _Evaluation(frame, source)
        value, owned = evaluation.value(tree)
        if isinstance(value, Poly):
            raise refuse(source.origin, f"'{key.value}' is a number; a symbol is defined under 'symbols'")
        frame.assign(str(key.value), value, owned=owned)
        frame.previous, frame.previous_owned = (value,), False


class _Evaluation:
    """Evaluates one expression tree in a frame."""

    def __init__(self, frame: Frame, source: Scalar) -> None:
        self.frame, self.source, self.origin = frame, source, source.origin

    def value(self, tree: Expression) -> tuple[Value, bool]:
        """The value, and whether its reference is ours to hand on."""
        if isinstance(tree, str) and tree in self.frame.variables:
            return tensor_of(tree, self.source.at(tree), self.frame), False
        if isinstance(tree, (int, Fraction)):
            return poly(tree), False
        if isinstance(tree, str):
            if tree not in self.frame.symbols:
                raise refuse(self.source.at(tree), f"'{tree}' is used before it is defined",
                             nearest(tree, [*self.frame.variables, *self.frame.symbols]))  # fmt: skip
            return size(tree, symbol(self.frame, self.source), self.origin), False
        return self._operation(tree)

    def _operation(self, tree: Operation) -> tuple[Value, bool]:
        pairs = [self.value(a) for a in tree.args]
        values = [v for v, _ in pairs]
        if POISON in values:
            return POISON, False
        if not any(isinstance(v, Tensor) for v in values) and (tree.name in (*BINARY, "neg", "//", "%") or tree.name not in OPS):
            return size(tree, symbol(self.frame, self.source), self.origin), False
        name, arguments = self._op(tree, values)
        op = OPS[name]
        attributes = self._keywords(tree, op)
        (result,) = apply(name, arguments, attributes, self.frame)
        for value, owned in pairs:
            if owned and isinstance(value, Tensor):
                self.frame.tracer.release(value)
        return result, True

    def _op(self, tree: Operation, values: list[Any]) -> tuple[str, list[Any]]:
        """The op behind an operator, with PyTorch's forms for a number on the left."""
        name = BINARY.get(tree.name, tree.name)
        if name in ("add", "mul") and not isinstance(values[0], Tensor):
            return name, [values[1], values[0]]
        if name == "sub" and not isinstance(values[0], Tensor):
            return "rsub", [values[1], values[0]]
        if name == "div" and not isinstance(values[0], Tensor):
            (inverse,) = apply("reciprocal", [values[1]], {}, self.frame)
            return "mul", [inverse, values[0]]
        if name not in OPS:
            raise refuse(self.source.at(tree.name), f"unknown function '{tree.name}'", nearest(tree.name, OPS))
        return name, values

    def _keywords(self, tree: Operation, op: Op) -> dict[str, Any]:
        known = {a.name: a for a in op.arguments}
        result: dict[str, Any] = {}
        for name, given in tree.keywords:
            if name not in known:
                raise refuse(self.source.at(name), f"{op.name} has no argument '{name}'", nearest(name, known))
            constant = self.value(given)[0]
            number = constant.constant if isinstance(constant, Poly) else None
            if not isinstance(number, int):
                raise refuse(self.source.at(name), f"'{name}' must be a whole number here")
            result[name] = number
        return result
