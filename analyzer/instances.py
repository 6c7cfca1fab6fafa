"""The parameters and buffers of a model's modules, made while it is traced at the first call of each."""

from __future__ import annotations

from analyzer.graph import FLOATING, Loops, Shape, Spec, Storage, Tensor, contiguous
from analyzer.paths import is_named, without_counters
from analyzer.polynomial import ONE, Poly
from analyzer.problems import Origin
from analyzer.references import References
from analyzer.sections import Sections
from analyzer.sizes import sizes
from analyzer.tensors import PARTIAL


class Refused(Exception):
    """An op cannot take what it was given; the builder adds the place."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def show(shape: Shape) -> str:
    """A shape for people: (B, r, 4*c)."""
    return "(" + ", ".join(repr(size) for size in shape) + ")"


class Instances(References):
    """What modules hold, by path, and which module is running."""

    def __init__(self, frozen: frozenset[str]) -> None:
        super().__init__()
        self.frozen = frozen
        self.parameters: dict[str, Tensor] = {}
        self.buffers: dict[str, Tensor] = {}
        self.ties: dict[str, str] = {}  # paths, or labels, at which another parameter stands, and the path of that
        self.tied: dict[str, str] = {}  # of these, the paths that were asked for
        self.made: set[str] = set()  # the paths of parameters as their modules name them
        self.origin = Origin("")
        self.path = self.label = ""
        self.copies: Poly = ONE
        self.loops: Loops = ()  # the iterations that are running
        self.dtype = "float32"  # of parameters and buffers
        self.gathered = ""  # of parameters where fully_shard gathers them in another
        self.sections = Sections()  # the stages of a pipeline
        self.placement = ""  # of the parameters of what runs
        self.moved = False  # whether gradients lie otherwise over the ranks than their parameters

    def storage(self, size: Poly, kind: str, role: str) -> Storage:
        """A new block of memory named after where we are."""
        label = f"{self.label}: {role}" if self.label and role else self.label or role
        return Storage(size, kind, label, self.origin)

    def parameter(self, name: str, shape: Shape, dtype: str = "", *, trainable: bool = True, placement: str = "") -> Tensor:
        """The parameter of the running module, made at its first call; in the model's dtype unless another is said."""
        if self.gathered and dtype in FLOATING and dtype != self.dtype:
            raise Refused(f"a parameter in {dtype} among others in {self.dtype}: with param_dtype that is not simulated")
        dtype = self.gathered if self.gathered and dtype in ("", self.dtype) else dtype or self.dtype
        own = f"{self.path}.{name}" if self.path else name
        path, label = self._tied(own, f"{self.label}.{name}" if self.label else name)
        if path not in self.parameters:
            spec = Spec(shape, dtype)
            self.moved |= self.placement == PARTIAL
            names = (path, label, *(alias for alias, target in self.ties.items() if target == path))
            needs = trainable and dtype in FLOATING and not any(is_named(self.frozen, n) for n in names)
            storage = Storage(spec.bytes, "parameter", label, self.origin, self.copies, self.loops, placement or self.placement)
            self.parameters[path] = Tensor(shape, contiguous(shape), dtype, storage, needs, None, path, self.origin)
            self.sections.made[path] = self.sections.running
        if path == own:
            self.made.add(path)
        return self._same_shape(self.parameters[path], shape, "" if path == own else f"{own} is tied to it")

    def _tied(self, path: str, label: str) -> tuple[str, str]:
        """The path and label of the parameter that stands at a path."""
        own, seen = path, set[str]()
        while path not in seen and (path in self.ties or label in self.ties):
            seen.add(path)
            path = self.ties.get(path) or self.ties[label]
            label = without_counters(path)
        if path != own:
            self.tied[own] = path
        return path, label

    def standing(self, path: str, label: str) -> Tensor | None:
        """The parameter that stands at a path, tied or not, if it has been made."""
        return self.parameters.get(self._tied(path, label)[0])

    def buffer(self, name: str, shape: Shape, dtype: str = "") -> Tensor:
        """The buffer of the running module, made at its first call; in the model's dtype unless another is said."""
        dtype = dtype or self.dtype
        path = f"{self.path}.{name}" if self.path else name
        if path not in self.buffers:
            size = Spec(shape, dtype).bytes
            storage = Storage(size, "buffer", f"{self.label}.{name}" if self.label else name, self.origin, self.copies, self.loops)
            self.buffers[path] = Tensor(shape, contiguous(shape), dtype, storage, False, None, path, self.origin)
            self.sections.made[path] = self.sections.running
        return self._same_shape(self.buffers[path], shape)

    def _same_shape(self, tensor: Tensor, shape: Shape, why: str = "") -> Tensor:
        if len(tensor.shape) != len(shape) or not all(sizes().same(a, b) for a, b in zip(tensor.shape, shape)):
            raise Refused(f"{tensor.name} has shape {show(tensor.shape)} from {tensor.origin}, but this call needs {show(shape)}", why)
        return tensor
