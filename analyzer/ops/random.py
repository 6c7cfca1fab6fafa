"""Dropout and random tensors."""

from __future__ import annotations

from analyzer.graph import Rule, Spec, Tensor
from analyzer.ops.creation import like, made
from analyzer.ops.elementwise import mul, result
from analyzer.ops.inplace import mul_
from analyzer.ops.registry import Probability, op, primitive
from analyzer.polynomial import ONE, ZERO, Poly
from analyzer.tracing import current
from analyzer.work import Work


@primitive
def _native_dropout(x: Tensor) -> Rule:
    out = result(x)
    return Rule(out, {"x": "masked_scale(g, mask)"}, aux={"mask": Spec(x.shape, "bool", out.strides)}, first=("mask",))


@op
def dropout(x: Tensor, *, p: Probability = 0.5) -> Tensor:
    """y = x mask / (1 - p) in training; x itself when p is 0 or in evaluation"""
    if not current().training or p == 0:
        return x
    y: Tensor = _native_dropout(x)
    return y


@op
def Dropout(x: Tensor, *, p: Probability = 0.5, inplace: bool = False) -> Tensor:
    """y = x mask / (1 - p) in training; x itself when p is 0 or in evaluation"""
    y: Tensor = dropout_(x, p=p) if inplace else dropout(x, p=p)
    return y


@op
def randn(*, shape: list[Poly], dtype: str = "float32") -> Tensor:
    """y ~ N(0, 1)"""
    return made(shape, dtype)


@op
def rand(*, shape: list[Poly], dtype: str = "float32") -> Tensor:
    """y ~ U(0, 1)"""
    return made(shape, dtype)


@op
def randint(*, high: Poly, shape: list[Poly], low: Poly = ZERO, dtype: str = "int64") -> Tensor:
    """y = whole numbers from low to high - 1"""
    return made(shape, dtype)


@op
def randn_like(x: Tensor) -> Tensor:
    """y ~ N(0, 1), the shape of x"""
    return like(x, None)


@op
def rand_like(x: Tensor) -> Tensor:
    """y ~ U(0, 1), the shape of x"""
    return like(x, None)


@op
def randint_like(x: Tensor, *, high: Poly, low: Poly = ZERO, dtype: str | None = None) -> Tensor:
    """y = whole numbers from low to high - 1, the shape of x"""
    return like(x, dtype)


@op
@primitive
def bernoulli(x: Tensor) -> Rule:
    """y = 1 with probability x, else 0"""
    drawn = result(x)
    widened = Spec(x.shape, "float32").bytes if x.dtype in ("float16", "bfloat16") else ZERO
    return Rule(drawn, {"x": "zeros_like(g)"}, scratch=(widened,))


@primitive
def _noise(x: Tensor, features: bool) -> Rule:
    shape = (*x.shape[:2], *(ONE for _ in x.shape[2:])) if features else x.shape
    return Rule(Spec(shape, x.dtype), work=Work(reads={"x": ZERO}))


@op
def dropout_(x: Tensor, *, p: Probability = 0.5) -> Tensor:
    """x ← x mask / (1 - p) in training"""
    if not current().training or p == 0:
        return x
    y: Tensor = mul_(x, _noise(x, False))
    return y


def _feature_dropout(x: Tensor, p: float) -> Tensor:
    if not current().training or p == 0:
        return x
    noise = _noise(x, True)
    y: Tensor = mul(x, noise)
    return y


@op
def dropout1d(x: Tensor, *, p: Probability = 0.5) -> Tensor:
    """y = x with whole channels dropped, in training"""
    return _feature_dropout(x, p)


@op
def dropout2d(x: Tensor, *, p: Probability = 0.5) -> Tensor:
    """y = x with whole channels dropped, in training"""
    return _feature_dropout(x, p)


@op
def dropout3d(x: Tensor, *, p: Probability = 0.5) -> Tensor:
    """y = x with whole channels dropped, in training"""
    return _feature_dropout(x, p)


@op
def Dropout1d(x: Tensor, *, p: Probability = 0.5) -> Tensor:
    """y = x with whole channels dropped, in training"""
    return _feature_dropout(x, p)


@op
def Dropout2d(x: Tensor, *, p: Probability = 0.5) -> Tensor:
    """y = x with whole channels dropped, in training"""
    return _feature_dropout(x, p)


@op
def Dropout3d(x: Tensor, *, p: Probability = 0.5) -> Tensor:
    """y = x with whole channels dropped, in training"""
    return _feature_dropout(x, p)
