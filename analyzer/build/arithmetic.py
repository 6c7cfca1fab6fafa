"""Tensor arithmetic written as arithmetic: `let: {kld: mean(0.5*(s**2 + m**2 - 1 - log(s**2)))}`.

Each operator and function is one op, in Python's order of evaluation, and operands that nobody else names go when the op
has run, as values on Python's stack do.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from analyzer.build.application import apply
from analyzer.build.arguments import counted
from analyzer.build.frame import POISON, Frame, Poison
from analyzer.build.source import NAME, Statement, is_name
from analyzer.build.subscripts import subscripted
from analyzer.build.values import allowed, convert, refuse, symbol, tensor_of, undefined, wanted
from analyzer.document import Mapping, Scalar, Sequence
from analyzer.evaluate import exact
from analyzer.expressions import size
from analyzer.graph import Tensor
from analyzer.ops import OPS, Argument, Op
from analyzer.parsing import Expression, Literal, Operation, Span, parse
from analyzer.polynomial import Poly, poly
from analyzer.problems import Origin, nearest
from analyzer.sizes import sizes

BINARY = {"+": "add", "-": "sub", "*": "mul", "/": "div", "**": "pow", "@": "matmul", "&": "bitwise_and", "|": "bitwise_or",
          "^": "bitwise_xor", "~": "bitwise_not", "==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}  # fmt: skip
TURNED = {"eq": "eq", "ne": "ne", "lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}  # with its operands exchanged
STATEMENT = "it takes a statement of its own: - %s: {in: x, as: y}"
Value = Tensor | Poly | Poison | Literal


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
        if isinstance(value, (Poly, Literal)):
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
        if isinstance(tree, (Literal, Span)):
            return (tree, False) if isinstance(tree, Literal) else (POISON, False)
        if isinstance(tree, str):
            if tree not in self.frame.symbols:
                raise undefined(tree, self.source.at(tree), self.frame, [*self.frame.variables, *self.frame.symbols])
            return size(tree, symbol(self.frame, self.source), self.origin), False
        return self._operation(tree)

    def _subscript(self, tree: Operation) -> tuple[Value, bool]:
        base, owned = self.value(tree.args[0])
        if isinstance(base, Poison):
            return POISON, False
        if not isinstance(base, Tensor):
            raise refuse(self.origin, "only tensors have entries", "x[:, 1:], x[..., 0], x[:, None], x[ids]")
        found, made = subscripted(base, [self._entry(e) for e in tree.args[1:]], self.frame, self.origin)
        if made and owned:
            self.frame.tracer.release(base)
        return found, made or owned

    def _entry(self, tree: Expression) -> Any:
        """An entry of a subscript. Raises InvalidConfig for a tensor that is not named: indices are variables."""
        if isinstance(tree, Span):
            return Span(*(None if part is None else self._bound(part) for part in (tree.start, tree.stop, tree.step)))
        if isinstance(tree, Literal):
            return tree
        value, owned = self.value(tree)
        if owned or not isinstance(value, (Tensor, Poly)):
            raise refuse(self.origin, "an index is a number or the name of a tensor", "give it a name first: let: {i: ..., y: 'x[i]'}")
        return value

    def _bound(self, tree: Any) -> Poly:
        value, _ = self.value(tree)
        if not isinstance(value, Poly):
            raise refuse(self.origin, "a span is bounded by sizes", "x[:, start:stop]")
        return value

    def _operation(self, tree: Operation) -> tuple[Value, bool]:
        if tree.name == "[]":
            return self._subscript(tree)
        pairs = [self.value(a) for a in tree.args]
        values = [v for v, _ in pairs]
        if POISON in values:
            return POISON, False
        if not any(isinstance(v, (Tensor, Literal)) for v in values):
            return size(tree, symbol(self.frame, self.source), self.origin), False
        name, arguments = self._op(tree, values)
        positional, attributes = self._arguments(OPS[name], arguments, tree)
        results = apply(name, positional, attributes, self.frame)
        if len(results) != 1:
            raise refuse(self.source.at(name), f"{name} returns {len(results)} values", "a statement can name them: as: [a, b]")
        made = [(a, True) for a in arguments if not any(a is v for v in values)]
        for value, owned in (*made, *pairs):
            if owned and isinstance(value, Tensor):
                self.frame.tracer.release(value)
        return results[0], True

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
        if name in TURNED and not isinstance(values[0], Tensor):
            return TURNED[name], [values[1], values[0]]
        if name in self.frame.blocks or name in self.frame.modules:
            raise refuse(self.source.at(name), f"{name} is a {'block' if name in self.frame.blocks else 'module'}", STATEMENT % name)
        if name not in OPS:
            raise refuse(self.source.at(name), f"unknown function '{name}' of tensors", nearest(name, OPS))
        if OPS[name].is_module:
            raise refuse(self.source.at(name), f"{name} is a layer", STATEMENT % name)
        return name, values

    def _arguments(self, op: Op, values: list[Any], tree: Operation) -> tuple[list[Any], dict[str, Any]]:
        """Values in order, then by name, as the op's signature wants them."""
        here = self.source.at(tree.name)
        if "tensors" in op.arguments[0].kinds and all(isinstance(v, Tensor) for v in values):
            values = [values]
        if len(values) > len(op.arguments):
            raise refuse(here, f"{op.name} takes at most {counted(len(op.arguments), 'argument')}, not {len(values)}")
        known = {a.name: a for a in op.arguments}
        given = dict(zip(known, values))
        for name, expression in tree.keywords:
            if name not in known:
                raise refuse(self.source.at(name), f"{op.name} has no argument '{name}'", nearest(name, known))
            if name in given:
                raise refuse(self.source.at(name), f"'{name}' is given twice")
            given[name] = self.value(expression)[0]
        missing = [a for a in op.arguments if a.required and a.name not in given]
        if missing:
            raise refuse(here, f"{op.name} needs '{missing[0].name}'", f"expected {wanted(missing[0])}")
        converted = {name: self._as(known[name], value, here) for name, value in given.items()}
        positional = [converted.get(a.name, a.default) for a in op.arguments if not a.keyword]
        return positional, {a.name: converted[a.name] for a in op.arguments if a.keyword and a.name in converted}

    def _as(self, argument: Argument, value: Value, here: Origin) -> Any:
        """A value as an argument wants it; numbers stand for flags, dimensions and sizes; a literal reads as in YAML."""
        kinds = argument.kinds
        if isinstance(value, Literal):
            return convert(argument, _written(value, here), self.frame)
        if isinstance(value, list) or (isinstance(value, Tensor) and "tensor" in kinds):
            return value
        if isinstance(value, Poly):
            number = exact(value, sizes().values)
            if "size" in kinds:
                return value
            if "number" in kinds or "probability" in kinds:
                return allowed(argument, float(number), here)
            if isinstance(number, int) and ("index" in kinds or "indices" in kinds):
                return number if "index" in kinds else [number]
            if "sizes" in kinds:
                return [value]
            if number in (0, 1) and "flag" in kinds:
                return bool(number)
        given = "a tensor" if isinstance(value, Tensor) else f"{value!r}"
        raise refuse(here, f"'{argument.name}' cannot be {given}", f"expected {wanted(argument)}")


def _written(literal: Literal, here: Origin) -> Scalar | Sequence:
    """A literal as YAML would have it."""
    if isinstance(literal.value, tuple):
        return Sequence(tuple(Scalar(item, here) for item in literal.value), here)
    return Scalar(literal.value, here)
