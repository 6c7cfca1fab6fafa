"""What a trace took for granted at the bound values."""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.polynomial import Poly


@dataclass(frozen=True, slots=True, eq=False)
class Assumption:
    """A decision taken at the bound values: `left relation right` held."""

    left: Poly
    relation: str
    right: Poly

    def __str__(self) -> str:
        return f"{self.left!r} {self.relation} {self.right!r}"
