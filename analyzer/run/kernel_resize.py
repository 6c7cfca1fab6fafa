"""The backward kernels of resampling: in which memory format they make the gradient, and what they copy.

Sources: ATen/native/cuda/UpSampleNearest2d.cu, UpSampleBilinear2d.cu, UpSampleTrilinear3d.cu; torch 2.13.
"""

from __future__ import annotations

from analyzer.graph import contiguous
from analyzer.ops import plan
from analyzer.ops.layout import same_layout
from analyzer.ops.memory_format import is_channels_last, laid
from analyzer.ops.resize import Resampling
from analyzer.polynomial import ZERO
from analyzer.run.arrays import Array
from analyzer.run.kernel_functions import KERNELS
from analyzer.run.kernels import Formula


def upsample_backward(formula: Formula, g: Array) -> Array:
    """The gradient of what was resampled, in the memory format of the incoming one where the kernel knows it."""
    made, shape = formula.names["resampling"], formula.target.shape
    assert isinstance(made, Resampling)
    last = made.follows and is_channels_last(g.shape, g.strides)
    result = formula.fresh(shape, g.dtype, laid(shape, last))
    if last and made.rank == 2 and plan.exceeds(shape[1], 3):
        formula.scratch(ZERO if same_layout(g.shape, g.strides, laid(g.shape, True)) else g.bytes)
        return result
    again = ZERO if same_layout(shape, result.strides, contiguous(shape)) else result.bytes
    copy = ZERO if same_layout(g.shape, g.strides, contiguous(g.shape)) else g.bytes
    formula.scratch(*((again, copy) if made.rank == 2 else (copy, again)))
    return result


KERNELS |= {"upsample_backward": upsample_backward}
