"""The backward kernels of pooling: the gradient, and the copies of arguments that do not lie as the kernel reads them."""

from __future__ import annotations

from analyzer.graph import contiguous
from analyzer.ops.layout import same_layout
from analyzer.ops.pooling_windows import Pooling
from analyzer.run.arrays import Array
from analyzer.run.kernel_functions import KERNELS
from analyzer.run.kernel_views import reshape
from analyzer.run.kernels import Formula


def pooling_backward(formula: Formula, g: Array, *arguments: Array) -> Array:
    """The gradient of what was pooled, in the memory format that it was read in."""
    made = formula.names["pooling"]
    assert isinstance(made, Pooling)
    result = formula.fresh(formula.target.shape, g.dtype, made.strides)
    known = {name: formula.names[name] for name, _ in made.reads}
    copies = [known[n].bytes for n, strides in made.reads if not same_layout(known[n].shape, known[n].strides, strides)]
    formula.scratch(*copies, *((result.bytes,) if made.again else ()))
    return result


def max_unpool_backward(formula: Formula, g: Array, indices: Array) -> Array:
    """The gradient gathered from its row-major copy, as a view of images flattened."""
    shape = indices.shape
    if not same_layout(g.shape, g.strides, contiguous(g.shape)):
        formula.fresh(g.shape, g.dtype)
    return reshape(formula, formula.fresh((*shape[:-2], shape[-2] * shape[-1]), g.dtype), shape)


KERNELS |= {"pooling_backward": pooling_backward, "max_unpool_backward": max_unpool_backward}
