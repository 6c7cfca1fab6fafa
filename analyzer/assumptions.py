"""What a trace took for granted at the bound values."""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.polynomial import Poly, opened


@dataclass(frozen=True, slots=True, eq=False)
class Assumption:
    """A decision taken at the bound values: `left relation right` held; where a demanded one does not hold, an op refuses."""

    left: Poly
    relation: str
    right: Poly
    demanded: bool = False

    def __str__(self) -> str:
        return f"{self.left!r} {self.relation} {self.right!r}"


def always(assumption: Assumption) -> bool:
    """Whether a relation that holds here holds for all values of the symbols: of numbers, or for want of a negative term."""
    larger, smaller = (assumption.left, assumption.right) if assumption.relation == ">=" else (assumption.right, assumption.left)
    more = opened(larger - smaller).terms
    least = sum(c for m, c in more.items() if c > 0 and all(isinstance(atom, str) and e > 0 for atom, e in m))
    below = {m: c for m, c in more.items() if c < 0}
    numbers = assumption.left.constant is not None and assumption.right.constant is not None
    return numbers or (assumption.relation in ("<=", ">=") and below.keys() <= {()} and least >= -sum(below.values()))
