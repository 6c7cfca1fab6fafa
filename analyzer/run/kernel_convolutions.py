"""The backward kernels of convolutions: which of their arguments they copy, when, and what they make.

Sources: ATen/native/Convolution.cpp (convolution_backward), ATen/native/cudnn/ConvShared.cpp (cudnn_convolution_backward),
ATen/native/cuda/DepthwiseConv2d.cu, DepthwiseConv3d.cu; the order in which arguments are copied is PyTorch 2.13's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from analyzer.graph import Shape, contiguous
from analyzer.ops.convolution_kernels import CUDNN, OWN, TRANSPOSED, Convolution
from analyzer.ops.layout import elementwise_strides, same_layout
from analyzer.ops.memory_format import is_channels_last, laid
from analyzer.ops.reducing import partial_bytes, reduction_scratch
from analyzer.ops.spatial import as_image
from analyzer.run.arrays import Array
from analyzer.run.kernel_functions import KERNELS
from analyzer.run.kernels import Formula


def convolution_backward(formula: Formula, name: str, *arguments: Array) -> Array:
    """The gradient of one input: the kernels run for all of them when the first is asked for."""
    names = formula.names
    assert isinstance(names, dict)  # one for all formulas of an application of a node
    if "results" not in names:
        names["results"] = _Run(formula, names["convolution"]).results()
    result: Array = names["results"].pop(name)
    return formula.own(result)


class _Run:
    """One run of the kernels. `lies` are the layouts of arguments that have been copied."""

    def __init__(self, formula: Formula, made: Convolution) -> None:
        self.formula, self.made, self.heap = formula, made, formula.memory.heap
        self.label = formula.label.partition(": ")[0]
        self.lies: dict[str, Shape] = {}
        self.gradients: dict[str, Array] = {}

    def results(self) -> dict[str, Array]:
        """The gradients of what is trained."""
        length = len(self._array("x").shape) == 3
        with self._copied("x") if length else self._nothing():
            {CUDNN: self._cudnn, TRANSPOSED: self._transposed, OWN: self._own}.get(self.made.kernel, self._own_3d)()
            if self.made.kernel in (CUDNN, TRANSPOSED, OWN):
                self._bias()
        return self.gradients

    def _cudnn(self) -> None:
        with self._copied("x") if "weight" in self.made.trained else self._nothing(), self._reformatted():
            self._from_input()
            if "weight" in self.made.trained:
                with self._copied("g"):
                    self._gradient("weight", self.made.weight_is_reordered)

    def _transposed(self) -> None:
        with self._copied("x") if "weight" in self.made.trained else self._nothing(), self._copied("g"):
            self._from_input()
            if "weight" in self.made.trained:
                self._gradient("weight", self.made.weight_is_reordered)

    def _from_input(self) -> None:
        if "x" in self.made.trained:
            self._gradient("x", self.made.channels_last)
            with self._copied("g"), self._copied("weight"):
                pass

    def _own(self) -> None:
        with self._copied("g"):
            if "weight" in self.made.trained:
                with self._copied("x"):
                    self._gradient("weight", False)
            if "x" in self.made.trained:
                self._gradient("x", False)

    def _own_3d(self) -> None:
        for name in ("x", "weight"):
            if name in self.made.trained:
                self._gradient(name, False)
        with self._copied("g"):
            with self._copied("x") if "weight" in self.made.trained else self._nothing():
                pass
            self._bias()

    def _bias(self) -> None:
        if "bias" in self.made.trained:
            g = self._array("g")
            self._gradient("bias", False)
            others = [d for d in range(len(g.shape)) if d != 1]
            self.formula.scratch(*reduction_scratch(g.shape, g.strides, others, partial_bytes(g.dtype)))

    def _gradient(self, name: str, channels_last: bool) -> None:
        like = self._array(name)
        label = f"{self.label}: gradient of {name}"
        self.gradients[name] = self.formula.memory.fresh(like.shape, like.dtype, laid(like.shape, channels_last), "temporary", label)

    def _array(self, name: str) -> Array:
        found: Array = self.formula.names[name]
        return found

    def _wanted(self, name: str) -> Shape:
        array = self._array(name)
        if len(array.shape) == 3:
            return contiguous(array.shape)
        return laid(array.shape, self.made.weight_is_reordered if name == "weight" else self.made.channels_last)

    @contextmanager
    def _copied(self, name: str) -> Iterator[None]:
        """A copy of an argument that does not lie as the kernel reads it, while the kernel runs."""
        array = self._array(name)
        lies, wanted = self.lies.get(name, array.strides), self._wanted(name)
        if same_layout(array.shape, lies, wanted):
            yield
            return
        with self._replaced(name, wanted):
            yield

    @contextmanager
    def _reformatted(self) -> Iterator[None]:
        """A copy of the incoming gradient where it suggests the other memory format, until the kernels are done."""
        array = self._array("g")
        shape, strides = as_image(array.shape, array.strides) if len(array.shape) == 3 else (array.shape, array.strides)
        if is_channels_last(shape, strides) == self.made.channels_last:
            yield
            return
        with self._replaced("g", self._wanted("g")):
            yield

    @contextmanager
    def _replaced(self, name: str, wanted: Shape) -> Iterator[None]:
        array = self._array(name)
        lies = self.lies.get(name, array.strides)
        block = self.heap.alloc(array.bytes, "workspace", f"{self.label}: copy of {name}")
        self.lies[name] = wanted
        yield
        self.lies[name] = lies
        self.heap.release(block)

    @contextmanager
    def _nothing(self) -> Iterator[None]:
        yield


def cropped(formula: Formula, g: Array) -> Array:
    """A copy of a part of the gradient, in its order of dimensions."""
    shape = formula.target.shape
    return formula.fresh(shape, g.dtype, elementwise_strides(shape, [(shape, g.strides)]))


KERNELS |= {"convolution_backward": convolution_backward, "cropped": cropped}
