"""What preparing data costs: the steps under `prepare`, run on closed forms; a name lives as a Python variable does."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, replace

from analyzer.build.source import Problems
from analyzer.evaluate import exact
from analyzer.host.deciding import Item, is_larger
from analyzer.host.formats import counted, index_size, size_of
from analyzer.host.source import POINTER, UNSUPPORTED, Array, Step, array_object
from analyzer.polynomial import ZERO, total
from analyzer.problems import nearest
from analyzer.sizes import Sizes
from analyzer.tracing import show

INTP = 8


@dataclass(frozen=True, slots=True)
class Moment:
    """What lies in memory while a step runs, at its most."""

    label: str
    items: tuple[Item, ...]
    line: int


def prepared(steps: tuple[Step, ...], arrays: tuple[Array, ...], sizes: Sizes, problems: Problems) -> list[Moment]:
    """One moment per step. Arrays of the section that no step makes are there from the start."""
    made = {step.result for step in steps}
    run = _Run({a.name: a for a in arrays}, {a.name: a for a in arrays if a.name not in made}, sizes, problems)
    return [moment for step in steps if (moment := run.step(step))]


class _Run:
    """The variables alive between steps."""

    def __init__(self, declared: MappingOf[str, Array], alive: dict[str, Array], sizes: Sizes, problems: Problems) -> None:
        self.declared, self.alive, self.sizes, self.problems = declared, alive, sizes, problems

    def step(self, step: Step) -> Moment | None:
        """Run one step; None for one that only forgets names, or that is refused."""
        for name, origin in step.inputs:
            if name not in self.alive:
                self.problems.add(origin, f"no array '{name}' here", nearest(name, self.alive))
                return None
        if step.word == "del":
            for name, _ in step.inputs:
                self.alive.pop(name, None)
            return None
        sources = [self.alive[name] for name, _ in step.inputs]
        result = self._result(step, sources)
        if result is None:
            return None
        items = [(name, size_of(array)) for name, array in self.alive.items()]
        items += [(label, form) for label, form in self._temporaries(step, sources, result) if form]
        made = step.result if step.result not in self.alive else f"{step.result}, the new one"
        items.append((made, size_of(result)))
        self.alive[step.result] = result
        return Moment(f"{step.word} as {step.result}", tuple(items), step.origin.line)

    def _result(self, step: Step, sources: list[Array]) -> Array | None:
        """The array that a step makes, as declared where it is; None with a problem where it is not what is declared."""
        made = _made(step, sources)
        if isinstance(made, str):
            self.problems.add(step.origin, made)
            return None
        told = self.declared.get(step.result)
        if told and (told.dtype, told.format) == (made.dtype, made.format) and self._same(told, made):
            return told
        if told:
            expected = f"{told.format} {show(told.shape)} {told.dtype}"
            said = f"'{step.result}' is declared as {expected}, and {step.word} makes {made.format} {show(made.shape)} {made.dtype}"
            self.problems.add(step.origin, said, "another name, or the declaration changed")
            return None
        if made.format != "dense" and step.word != "copy":
            self.problems.add(step.origin, f"nothing says how many nonzeros '{step.result}' has", "declare it under arrays")
            return None
        return made

    def _same(self, a: Array, b: Array) -> bool:
        values = self.sizes.values
        return len(a.shape) == len(b.shape) and all(exact(x, values) == exact(y, values) for x, y in zip(a.shape, b.shape))

    def _temporaries(self, step: Step, sources: list[Array], result: Array) -> list[Item]:
        """What a function holds besides its arguments and its result when it holds most."""
        if step.word == "vstack":
            return _stacking(step, result)
        if step.word not in ("csr_matrix", "csc_matrix", "coo_matrix"):
            return []
        return self._conversion(counted(result, self.sizes))

    def _conversion(self, made: Array) -> list[Item]:
        """scipy goes through coo: int64 coordinates of numpy's nonzero, cut to int32 where they fit; then csr or csc from that."""
        n, index = made.nonzeros, index_size(made)
        coordinates = n * 2 * INTP
        kept = n * 2 * index if index < INTP else coordinates
        coo = n * made.itemsize + kept
        finding = coordinates + (n * made.itemsize + kept if index < INTP else n * made.itemsize)
        if made.format == "coo":
            return [("coordinates that numpy's nonzero finds", coordinates if index < INTP else ZERO)]
        first = is_larger(finding, coo + size_of(made), self.sizes)
        over = finding - size_of(made) if first else coo
        return [("coordinates and values in coo, beyond the result" if first else "the same array in coo", over)]


def _stacking(step: Step, result: Array) -> list[Item]:
    """numpy.vstack: atleast_2d makes a view of each part; the views stand in a tuple, a list and a C array while they are copied."""
    rows = result.rows
    views = rows * (array_object(2) + 3 * POINTER)
    if not step.parts:
        return []
    parts = [("arrays of one row, their values", result.dense), ("arrays of one row, their objects", rows * array_object(1))]
    listed = [("the list of them", rows * POINTER)] if step.parts == "arrays" else []
    return [*(parts if step.parts != "references" else []), *listed, ("views of the rows", views)]


def _made(step: Step, sources: list[Array]) -> Array | str:
    """The array that a step makes from its inputs, or why it makes none."""
    origin = step.origin
    if step.shape is not None:
        return Array(step.result, step.shape, step.dtype or "float64", origin)
    first = sources[0]
    if step.word in ("vstack", "concatenate"):
        if any(a.format != "dense" or a.dtype != first.dtype or a.shape[1:] != first.shape[1:] for a in sources):
            return f"{step.word} takes dense arrays of one dtype that differ in their first dimension only"
        return Array(step.result, (total(a.rows for a in sources), *first.shape[1:]), first.dtype, origin)
    if step.word in ("csr_matrix", "csc_matrix", "coo_matrix"):
        if first.format != "dense" or len(first.shape) != 2 or first.dtype in UNSUPPORTED:
            return f"{step.word} takes a dense array of two dimensions and a dtype that scipy.sparse supports"
        return replace(first, name=step.result, format=step.word[:3])
    if step.word == "toarray":
        return f"'{first.name}' is dense already" if first.format == "dense" else Array(step.result, first.shape, first.dtype, origin)
    return replace(first, name=step.result, dtype=step.dtype or first.dtype, claims=())
