"""How a closed form grows: its terms that no other term exceeds, without their numbers."""

from __future__ import annotations

from collections.abc import Callable

from analyzer.polynomial import ONE, Atom, Call, Monomial, Poly, opened, poly, product, total

GROWTH: dict[str, Callable[..., Poly]] = {  # what a function of formulas exceeds by a constant factor at most
    "column_scratch": lambda rows, columns, *_: rows * columns, "column_semaphores": lambda rows, columns, *_: columns,
    "row_scratch": lambda outputs, inputs, *_: outputs * inputs, "row_semaphores": lambda outputs, *_: outputs,
    "sort_pairs_scratch": lambda n, *_: n, "unique_scratch": lambda n, *_: n, "scan_scratch": lambda n, *_: n,
    "scan_by_key_scratch": lambda n, *_: n, "batch_norm_scratch": lambda rows, channels, values: channels * values,
    "layer_norm_partials": lambda *_: ONE, "flash_splits": lambda *_: ONE, "efficient_splits": lambda *_: ONE,
    "topk_blocks": lambda slices, length, *_: slices * length, "max": lambda *args: total(args),
    "cudnn_rnn_reserve": lambda steps, layers, _: steps * layers, "cudnn_rnn_workspace": lambda weights, state, _: weights + state,
}  # fmt: skip


def leading(form: Poly) -> Poly:
    """The terms that no other term exceeds as the symbols grow, their numbers left out; 1 for a constant."""
    monomials = list(_grown(opened(form)).terms)
    top = [m for m in monomials if not any(m != other and _divides(m, other) for other in monomials)]
    return Poly(dict.fromkeys(top, 1))


def _grown(form: Poly) -> Poly:
    """A form with the quotients that it rounds, and the scratch of kernels, as they grow."""
    return total(product((poly(c), *(_atom(atom, e) for atom, e in m))) for m, c in form.terms.items())


def _atom(atom: Atom, exponent: int) -> Poly:
    if isinstance(atom, Call) and exponent > 0:
        args = tuple(_grown(opened(arg)) for arg in atom.args)
        if atom.name in GROWTH:
            return GROWTH[atom.name](*args) ** exponent
        if atom.name in ("floordiv", "ceildiv") and len(args[1].terms) == 1:
            return (args[0] / args[1]) ** exponent
    return Poly({((atom, exponent),): 1})


def _divides(small: Monomial, large: Monomial) -> bool:
    """Whether the quotient of two monomials has no negative power."""
    powers = dict(large)
    for atom, exponent in small:
        powers[atom] = powers.get(atom, 0) - exponent
    return all(exponent >= 0 for exponent in powers.values())
