"""The ops as text: signatures and gradient formulas, taken from the rules themselves."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from functools import cache
from typing import Any

from analyzer.ops import OPS, Argument, Op
from analyzer.polynomial import Poly
from analyzer.problems import InvalidConfig, Origin, Problem, nearest


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
    """`d input = formula` for each primitive that the op is made of."""
    lines = []
    for primitive in primitives(op.function):
        formulas = _formulas(primitive)
        if formulas:
            lines.append(f"{primitive.__name__.strip('_')}: " + "; ".join(f"d {k} = {v}" for k, v in formulas))
    return lines


def primitives(function: Callable[..., Any], seen: frozenset[str] = frozenset()) -> list[Callable[..., Any]]:
    """The primitives that a function of the vocabulary may call, in the order its source names them."""
    if hasattr(function, "rule"):
        return [function]
    plain = inspect.unwrap(function)
    if plain.__qualname__ in seen:
        return []
    found: dict[str, Callable[..., Any]] = {}
    for name in _called(plain):
        target = plain.__globals__.get(name)
        if callable(target) and getattr(target, "__module__", "").startswith("analyzer.ops."):
            for primitive in primitives(target, seen | {plain.__qualname__}):
                found.setdefault(primitive.__name__, primitive)
    return list(found.values())


@cache
def _tree(function: Callable[..., Any]) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(function)))


def _called(function: Callable[..., Any]) -> list[str]:
    calls = (node for node in ast.walk(_tree(function)) if isinstance(node, ast.Call))
    return [node.func.id for node in calls if isinstance(node.func, ast.Name)]


def _formulas(primitive: Callable[..., Any]) -> list[tuple[str, str]]:
    """Formulas written as literals in the rule's source; `…` stands for what the rule fills in."""
    found = []
    for node in ast.walk(_tree(inspect.unwrap(primitive))):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values):
                if key is not None and _is_text(key) and _is_text(value):
                    found.append((_text(key), _text(value)))
    return found


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    assert isinstance(node, ast.Constant)
    return str(node.value)
