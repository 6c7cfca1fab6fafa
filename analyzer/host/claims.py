"""What is really saved where somebody claims a saving, and what would have to hold for the claim to be right."""

from __future__ import annotations

from dataclasses import dataclass, replace

from analyzer.evaluate import exact
from analyzer.host.deciding import Item
from analyzer.host.formats import Ratio, index_size, per_nonzero, pointers, ratio, size_of
from analyzer.host.gathering import ways
from analyzer.host.source import Array, Claim, Prediction
from analyzer.polynomial import Poly, poly, total
from analyzer.sizes import Sizes


@dataclass(frozen=True, slots=True)
class Verdict:
    """A claim, the saving as described, and the largest saving that can be; of `whole`, all in bytes.

    `needed` is how many nonzeros per row the claim allows; none for a claim about gathering.
    """

    subject: str
    claim: Claim
    whole: Poly
    saved: Poly
    possible: Poly
    needed: Ratio | None = None
    per_row: Ratio | None = None
    at_least: Ratio | None = None


def of_array(array: Array, sizes: Sizes) -> list[Verdict]:
    """The claims about a sparse array, against the same array stored dense."""
    saved, rows = array.dense - size_of(array), array.rows
    floor = array.dense - size_of(replace(array, nonzeros=array.at_least))
    per_row, least = ratio(array.nonzeros, rows, sizes), ratio(array.at_least, rows, sizes)
    return [Verdict(array.name, c, array.dense, saved, floor, _needed(array, c, sizes), per_row, least) for c in array.claims]


def _needed(array: Array, claim: Claim, sizes: Sizes) -> Ratio:
    """Nonzeros per row at which exactly what is claimed is saved; per row, the one index by which indptr is longer is left out."""
    each = poly(per_nonzero(array))
    if claim.value < 1 and array.format == "csr":
        return ratio(array.columns * array.itemsize * (1 - claim.value) - index_size(array), each, sizes)
    left = array.dense * (1 - claim.value) if claim.value < 1 else array.dense - claim.value
    return ratio(left - pointers(array), each * array.rows, sizes)


def of_prediction(prediction: Prediction) -> list[Verdict]:
    """The claims about arrays made beforehand, against lists beside the arrays made from them."""
    found = {by: _sum(items) for by, items in ways(prediction).items()}
    saved = found["lists"] - found["preallocated"]
    return [Verdict(prediction.name, claim, found["lists"], saved, saved) for claim in prediction.claims]


def _sum(items: tuple[Item, ...]) -> Poly:
    return total(form for _, form in items)


def holds(verdict: Verdict, saving: Poly, sizes: Sizes) -> bool:
    """Whether a saving is as large as claimed."""
    claimed = verdict.claim.value
    whole = exact(verdict.whole, sizes.values) if claimed < 1 else 1
    return bool(exact(saving, sizes.values) >= claimed * whole)
