"""What can be said against a `data:` section only at the symbols' values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from analyzer.build.source import Problems
from analyzer.evaluate import exact
from analyzer.host.source import Array, Data, Loader, Prediction
from analyzer.polynomial import Number, Poly, product
from analyzer.problems import Origin, Problem

MAX_SIZE = 10**12
Sized = tuple[Origin, str, Poly, int]  # where, what, the size, and the least it may be


def check_values(data: Data, symbols: Mapping[str, int], problems: Problems) -> None:
    """Problems: sizes that are no positive whole numbers, and more nonzeros than there are elements."""
    for origin, what, form, least in _sizes(data):
        value = _value(form, symbols)
        if not isinstance(value, int) or not least <= value <= MAX_SIZE:
            problems.add(origin, f"{what} is {_shown(value)}", f"expected a whole number from {least} to {MAX_SIZE:,}")
    if not problems.found:
        problems.extend(problem for array in data.arrays for problem in _counts(array, symbols))


def _sizes(data: Data) -> Iterator[Sized]:
    for array in data.arrays:
        yield from ((array.origin, f"a dimension of array '{array.name}'", d, 1) for d in array.shape)
    for step in data.steps:
        yield from ((step.origin, f"a dimension of {step.word}", d, 1) for d in step.shape or ())
    if data.loader:
        yield from _of_loader(data.loader)
    for prediction in data.predictions:
        yield from _of_prediction(prediction)


def _of_loader(loader: Loader) -> Iterator[Sized]:
    yield loader.origin, "the loader's 'batch'", loader.batch, 1
    yield loader.origin, "the loader's 'workers'", loader.workers, 0
    yield loader.origin, "the loader's 'prefetch_factor'", loader.prefetch, 1


def _of_prediction(prediction: Prediction) -> Iterator[Sized]:
    yield from ((prediction.origin, f"a dimension of prediction '{prediction.name}'", d, 1) for d in prediction.shape)
    yield prediction.origin, f"'batch' of prediction '{prediction.name}'", prediction.batch, 1
    yield prediction.origin, f"'arrays' of prediction '{prediction.name}'", prediction.arrays, 1


def _counts(array: Array, symbols: Mapping[str, int]) -> Iterator[Problem]:
    if array.format == "dense":
        return
    elements = exact(product(array.shape), symbols)
    count, least = _value(array.nonzeros, symbols), _value(array.at_least, symbols)
    what = f"array '{array.name}'"
    if count is None or not 0 <= count <= elements:
        yield Problem(
            array.origin, f"{what} has {_shown(count)} nonzeros", f"expected at most {_shown(elements)}, the number of its elements"
        )
    elif least is None or not 0 <= least <= count:
        yield Problem(array.origin, f"{what} has at least {_shown(least)} nonzeros", f"expected at most {_shown(count)}, as many as it has")


def _value(form: Poly, symbols: Mapping[str, int]) -> Number | None:
    try:
        return exact(form, symbols)
    except (ValueError, ZeroDivisionError):
        return None


def _shown(value: Number | None) -> str:
    if value is None:
        return "no number"
    return f"{value:,}" if isinstance(value, int) else f"{float(value):,.6g}" if isinstance(value, Fraction) else str(value)
