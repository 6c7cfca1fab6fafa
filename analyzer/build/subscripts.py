"""Subscripts in `let`: `x[:, 1:]`, `x[..., 0]`, `bias[:, None]`, `table[ids]`, as Tensor.__getitem__ takes them apart.

Each entry that is no whole `:` is one view, in order; tensors of whole numbers index what these leave.
Source: torch/csrc/autograd/python_variable_indexing.cpp (applySlicing), ATen/TensorIndexing.h; torch 2.13.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analyzer.build.application import apply
from analyzer.build.frame import Bound, Frame
from analyzer.build.values import refuse
from analyzer.graph import Tensor
from analyzer.parsing import REST, Literal, Span
from analyzer.polynomial import ONE, ZERO, Poly
from analyzer.problems import Origin
from analyzer.sizes import sizes
from analyzer.tracing import show

Entry = Tensor | Poly | Literal | Span
View = tuple[str, dict[str, Any]]


def subscripted(x: Tensor, entries: Sequence[Entry], frame: Frame, here: Origin) -> tuple[Bound, bool]:
    """x[entries], and whether it is a new tensor of ours. Raises InvalidConfig."""
    found, dim, owned, indices = x, 0, False, list[tuple[int, Tensor]]()
    for entry in _spelled_out(x, entries, here):
        if isinstance(entry, Tensor):
            indices.append((dim, entry))
            dim += 1
            continue
        view = _view(found, dim, entry, here)
        if view is not None:
            found, owned = _applied(found, owned, view[0], [], view[1], frame), True
        dim += isinstance(entry, (Span, Literal))
    if indices:
        places = [place for place, _ in indices]
        if places != list(range(places[0], places[0] + len(places))):
            raise refuse(here, "tensors that index stand apart", "index once for each: x[i][:, j]")
        found, owned = _applied(found, owned, "index", [[t for _, t in indices]], {"dim": places[0]}, frame), True
    return found, owned


def _applied(x: Tensor, owned: bool, name: str, more: list[Any], attributes: dict[str, Any], frame: Frame) -> Tensor:
    (result,) = apply(name, [x, *more], attributes, frame)
    if owned:
        frame.tracer.release(x)
    assert isinstance(result, Tensor)
    return result


def _spelled_out(x: Tensor, entries: Sequence[Entry], here: Origin) -> list[Entry]:
    """The entries with `:` for each dimension that `...` stands for. Raises InvalidConfig where there are too many."""
    taken = sum(not isinstance(entry, Literal) for entry in entries)
    rests = [i for i, entry in enumerate(entries) if entry == REST]
    if taken > len(x.shape) or len(rests) > 1:
        raise refuse(here, f"{taken} entries index {show(x.shape)}", f"at most {len(x.shape)}, and one ...")
    at = rests[0] if rests else len(entries)
    whole = [Span()] * (len(x.shape) - taken) if rests else []
    return [*entries[:at], *whole, *entries[at + 1 :]]


def _view(x: Tensor, dim: int, entry: Entry, here: Origin) -> View | None:
    """The op that an entry stands for, and its arguments; None for a whole dimension."""
    if isinstance(entry, Literal):
        return "unsqueeze", {"dim": dim}
    size = x.shape[dim]
    if isinstance(entry, Poly):
        inside = sizes().demand(entry, "<=", size - 1) and sizes().demand(entry, ">=", -size)
        if not inside:
            raise refuse(here, f"entry {entry!r} of dimension {dim} of {show(x.shape)}", f"expected {-size!r} to {size - 1!r}")
        return "select", {"dim": dim, "index": sizes().number(entry)}
    assert isinstance(entry, Span)
    start, stop = _place(entry.start, ZERO, size), _place(entry.stop, size, size)
    step = entry.step if isinstance(entry.step, Poly) else ONE
    if not sizes().demand(stop, ">=", start + 1) or not sizes().demand(step, ">=", 1):
        told = f"no entries from {start!r} to {stop!r} of dimension {dim} of {show(x.shape)}"
        raise refuse(here, told, "at least one, in steps of at least 1")
    if start == ZERO and step == ONE and sizes().agree(stop, size):
        return None
    length = stop - start if step == ONE else (stop - start + step - 1) // step
    return "slice", {"dim": dim, "start": start, "length": length, "step": step}


def _place(given: object, default: Poly, size: Poly) -> Poly:
    """Where a span begins or ends: counted from the end where it is negative, and no farther than the dimension."""
    if not isinstance(given, Poly):
        return default
    at = given + size if sizes().below(given, ZERO) else given
    return size if sizes().below(size, at) else at
