"""Host memory in words and rows that every format shares."""

from __future__ import annotations

from analyzer.host_report import Claimed, Gathered, Host, HostArray
from analyzer.render.units import binary

BY = {
    "lists": "lists, each beside the array concatenated from it",
    "rebound": "lists, each rebound to its array",
    "preallocated": "arrays made beforehand",
}


def megabytes(size: int) -> str:
    """Bytes in MB of a million bytes, as claims are told: 3.20 MB."""
    return f"{size / 1e6:,.2f} MB"


def share(part: int, whole: int) -> str:
    """A part in percent: 80.0 %."""
    return f"{100 * part / whole:.1f} %"


def number(value: float) -> str:
    """A ratio with three digits after the point: 0.667, 1."""
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def layout(array: HostArray) -> str:
    """How an array is stored: csr, int64 with int32 indices."""
    return array.dtype if not array.index else f"{array.format}, {array.dtype} with {array.index} indices"


def saving(array: HostArray) -> str:
    """What a sparse format saves against the dense array; nothing for a dense one."""
    return share(array.dense.value - array.amount.value, array.dense.value) if array.index else ""


def totals(host: Host) -> str:
    """The arrays together, and what they would be dense."""
    told = f"The arrays take {megabytes(host.stored.value)} = {host.stored.notation}"
    if host.stored.value == host.dense.value:
        return f"{told}."
    return f"{told}; dense they would take {megabytes(host.dense.value)}."


def times_one(gathered: Gathered, by: str) -> str:
    """One way of gathering as a multiple of one array: 6.01×."""
    return f"{gathered.ways[by].value / gathered.one.value:.2f}×"


def verdict(claim: Claimed) -> str:
    """A claim, whether it holds, and what does."""
    claimed = f"{claim.claimed * 100:g} %" if claim.claimed < 1 else megabytes(int(claim.claimed))
    if claim.needed is None:
        return f"{claim.subject}: {claimed} saved {_judged(claim)} {_gathered(claim)}"
    return f"{claim.subject}: {claimed} saved {_judged(claim)} {_sparse(claim)}"


def _judged(claim: Claimed) -> str:
    return "holds." if claim.holds else "does not hold." if claim.can_hold else "cannot hold."


def _amount(size: int, claim: Claimed) -> str:
    return f"{share(size, claim.whole)} ({megabytes(size)} of {megabytes(claim.whole)})"


def _gathered(claim: Claimed) -> str:
    told = f"Arrays made beforehand save {_amount(claim.saved, claim)} of what lists and concatenated arrays take"
    if claim.holds or claim.claimed < 1 or claim.saved <= 0:
        return f"{told}."
    return f"{told}; the claim needs {claim.claimed / claim.saved:.1f} times as much data."


def _sparse(claim: Claimed) -> str:
    assert claim.needed is not None
    needs = f"It needs at most {number(claim.needed.value)} nonzeros per row, {claim.needed.formula}"
    if claim.needed.value < 0:
        needs = "No number of nonzeros reaches it, indices of rows alone take more"
    there = f"with {number(claim.per_row)} it is {_amount(claim.saved, claim)}"
    if claim.can_hold:
        return f"{needs}; {there}."
    floor = f"with the least there can be, {number(claim.at_least)}, {_amount(claim.possible, claim)} is saved"
    return f"{needs}; {floor}" + (f"; {there}." if claim.saved != claim.possible else ".")


def beside(host: Host, device: int | None) -> str:
    """The peak of host memory, beside that of the device where there is one."""
    peak = f"Host memory peaks at {binary(host.peak.amount.value)} in {host.peak.name}"
    return f"{peak}." if device is None else f"{peak}; device memory at {binary(device)}."


OUTSIDE = (
    "Host memory is that of the arrays and batches described, with numpy's array objects where there are many; the interpreter, "
    "libraries, and pickled or cached files are not in it"
)
