"""What a kernel computes and reads: the part of an op's rule that says what it costs in time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from analyzer.polynomial import ZERO, Poly, product

TF32 = "tf32"  # fp32 numbers that tensor cores multiply with 10 bits


@dataclass(frozen=True, slots=True)
class Work:
    """What an op's kernels compute, and read where it is not all that they are given.

    FLOPs are the multiplications and additions of products of matrices, vectors and filters, a multiply-add counting two,
    as torch.utils.flop_counter counts: what elementwise ops, norms and reductions do is none. `backward` has those of the
    kernels that gradient formulas name, by word, where the word does not tell them from its arguments.
    """

    flops: Poly = ZERO
    backward: Mapping[str, Poly] = field(default_factory=dict)
    dtype: str = ""  # what is multiplied, where it is not the first operand's: tf32
    share: Fraction = Fraction(1)  # of the FLOPs, what the kernel cannot do without: causal attention skips half
    reads: Mapping[str, Poly] = field(default_factory=dict)  # bytes read of an input, where it is not all of it


NO_WORK = Work()


def multiplied(*sizes: Poly) -> Poly:
    """The FLOPs of a product: a multiply-add for each combination of indices."""
    return 2 * product(sizes)
