"""Strides as PyTorch has them, of random views."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch._prims_common import is_non_overlapping_and_dense_or_false

from analyzer.ops.layout import is_dense, preserved
from analyzer.polynomial import poly
from analyzer.sizes import Device, Sizes


@st.composite
def views(draw: st.DrawFn) -> torch.Tensor:
    """A tensor, permuted, cut or expanded."""
    x = torch.empty(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    for _ in range(draw(st.integers(0, 3))):
        dim = draw(st.integers(0, x.dim() - 1))
        match draw(st.integers(0, 2)):
            case 0:
                x = x.permute(draw(st.permutations(range(x.dim()))))
            case 1:
                x = x.narrow(dim, 0, draw(st.integers(1, x.shape[dim])))
            case _:
                x = x.unsqueeze(dim).expand(*x.shape[:dim], draw(st.integers(1, 3)), *x.shape[dim:])
    return x


@settings(max_examples=300, deadline=None)
@given(views())
def test_density_is_pytorch_s(x: torch.Tensor) -> None:
    with Sizes({}, Device()).active():
        assert is_dense(tuple(map(poly, x.shape)), tuple(map(poly, x.stride()))) == is_non_overlapping_and_dense_or_false(x)


@settings(max_examples=300, deadline=None)
@given(views())
def test_a_cast_is_laid_out_as_pytorch_does_it(x: torch.Tensor) -> None:
    shape, strides = tuple(map(poly, x.shape)), tuple(map(poly, x.stride()))
    cast = x.to(torch.bfloat16)

    with Sizes({}, Device()).active():
        cast_strides = preserved(shape, strides)

    wide = [d for d in range(x.dim()) if x.shape[d] != 1]
    assert [int(cast_strides[d].constant or 0) for d in wide] == [cast.stride(d) for d in wide]
