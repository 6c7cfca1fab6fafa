"""The language of gradient formulas.

A formula is an expression over: `g`, the gradient of the output; `y`, the output; the inputs and aux tensors of the rule;
constants of the rule. Operators and functions are kernels, and every kernel but a view makes a new tensor that lives
until the formula is done, as a C++ temporary does. `x.shape` and `x.dtype` read no data. What a formula reads is what
autograd keeps.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import lru_cache

ARITHMETIC = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow", ast.MatMult: "matmul"}
Evaluator = Callable[[str, list[object]], object]


@lru_cache(maxsize=1024)
def parsed(formula: str) -> ast.expr:
    """The syntax tree of a formula."""
    return ast.parse(formula, mode="eval").body


@lru_cache(maxsize=1024)
def reads(formula: str) -> frozenset[str]:
    """The names whose data the formula reads; a function's own name and `.shape` are none."""
    found: set[str] = set()
    _collect(parsed(formula), found)
    return frozenset(found)


def _collect(node: ast.expr, found: set[str]) -> None:
    match node:
        case ast.Name(id=name):
            found.add(name)
        case ast.Attribute(value=value, attr="T"):
            _collect(value, found)
        case ast.Attribute():
            return
        case ast.Call(args=args):
            for arg in args:
                _collect(arg, found)
        case ast.BinOp(left=left, right=right):
            _collect(left, found)
            _collect(right, found)
        case ast.UnaryOp(operand=operand):
            _collect(operand, found)


def kernels(formula: str) -> frozenset[str]:
    """The functions that a formula calls."""
    return frozenset(node.func.id for node in ast.walk(parsed(formula)) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))


@lru_cache(maxsize=1024)
def joint(key: str) -> tuple[str, ...]:
    """The inputs that one formula serves: `x, w, b` is one fused kernel."""
    return tuple(name.strip() for name in key.split(","))
