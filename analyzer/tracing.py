"""Records what ops do while a model is traced: steps, parameters, and the life of every tensor.

Ops are plain functions over symbolic tensors (`analyzer.ops`). While they run, the tracer in `current()` turns each
primitive's rule into a Step, and composite functions hold their intermediate tensors until they return, as C++ does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace

from analyzer.formulas import joint
from analyzer.graph import (
    FLOATING,
    Bind,
    Rule,
    Shape,
    Spec,
    Step,
    Storage,
    Tensor,
    View,
    contiguous,
)  # fmt: skip
from analyzer.instances import Instances
from analyzer.instances import Refused as Refused
from analyzer.instances import show as show
from analyzer.polynomial import ZERO, Poly
from analyzer.tensors import PARTIAL

_tracer: ContextVar[Tracer] = ContextVar("tracer")


def current() -> Tracer:
    """The tracer of the model being read."""
    return _tracer.get()


class Tracer(Instances):
    """The state of one tracing: instructions so far, who holds which tensor, where we are."""

    def __init__(self, *, training: bool, grad: bool, frozen: frozenset[str] = frozenset()) -> None:
        super().__init__(frozen)
        self.training, self.grad = training, grad
        self.names: dict[str, Tensor] = {}
        self.blocks: dict[str, tuple[str, tuple[Poly, ...] | None]] = {}  # that were called, by path: name, shape of the first result
        self.autocast = ""  # the dtype that autocast lowers to, or nothing
        self.cast_weights: dict[Tensor, Tensor] = {}
        self.unit_inputs = self.unit_outputs = ""  # to which fully_shard casts what the parts of a model are given and give
        self.attention = "auto"  # the kernel that scaled_dot_product_attention is forced to
        self.recording = False  # whether a backward pass is being recorded, by the autograd engine's thread
        self.mha_fastpath = True  # whether nn.MultiheadAttention and what is made of it may be fused in inference
        self._views: dict[Storage, set[Tensor]] = {}  # of storages changed in place: the views taken since
        self._saved: dict[Storage, str] = {}  # what autograd keeps, and what it first kept it for
        self.checkpointed: frozenset[str] = frozenset()  # blocks that are run again in backward
        self.units: frozenset[str] = frozenset()  # blocks that are sharded by themselves
        self.replicated = False  # whether the parameters are replicas, which are no leaves
        self.reentrant = False  # whether checkpoints are
        self.detached: set[Tensor] = set()  # what reentrant checkpoints are called with again: leaves
        self.ranks: Poly = ZERO  # GPUs that blocks are divided among, if they are
        self.divided = False  # whether something is
        self.repeats: dict[str, Poly] = {}  # iterations of the outermost loops, by path
        self.sequence_parallel = self.loss_parallel = False  # whether sequences are, and classes that a loss takes
        self.layouts: dict[Storage, str] = {}  # of what a rank has otherwise than other tensors: how
        self.distributed = False  # whether what runs takes and makes DTensors
        self.weights = ""  # how Linear layers keep them, where not in the model's dtype
        self.warnings: list[str] = []

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make this the current tracer."""
        token = _tracer.set(self)
        try:
            yield
        finally:
            _tracer.reset(token)

    @contextmanager
    def distributing(self, *, steps: bool) -> Iterator[None]:
        """Inside, each rank sees a part of the sequence: gradients of parameters are partial, and `steps` take and make DTensors."""
        before = self.placement, self.distributed
        self.placement, self.distributed = PARTIAL, steps
        try:
            yield
        finally:
            self.placement, self.distributed = before

    def bind(self, name: str, tensor: Tensor) -> None:
        """A training-loop variable takes a value."""
        self.instructions.append(Bind(name, self.latest(tensor)))

    # tensors and steps

    def phantom(self, shape: Shape) -> Tensor:
        """A tensor that is never in memory, to infer the sizes of a module that nobody calls."""
        dtype = self.gathered or self.dtype
        storage = Storage(Spec(shape, dtype).bytes, "phantom", "", self.origin)
        return self.hold(Tensor(shape, contiguous(shape), dtype, storage, False, None, "", self.origin))

    def step(self, op: str, rule: Rule, inputs: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """Record a primitive and return its outputs, held by the running function."""
        if self.distributed:
            rule = replace(rule, constants={**rule.constants, "distributed": True})
        if self.recording:
            rule = replace(rule, constants={**rule.constants, "recorded": True})
        needed = self._needed(rule, inputs)
        specs = rule.out if isinstance(rule.out, tuple) else (rule.out,)
        changed = inputs[rule.inplace] if rule.inplace else None
        if changed:
            outputs = self._changed(changed, bool(needed))
        else:
            outputs = tuple(self._output(op, spec, inputs, bool(needed)) for spec in specs)
            if "untracked" in rule.constants:
                outputs = tuple(replace(tensor, base=None) for tensor in outputs)
        aux = {
            name: Tensor(s.shape, s.strides or contiguous(s.shape), s.dtype, self.storage(s.bytes, "activation", name))
            for name, s in rule.aux.items()
        }
        label = self.label or op
        step = Step(op, rule, dict(inputs), outputs, aux, needed, label, self.origin)
        self.instructions.append(step)
        known = {**inputs, **{f"y{i}" if i else "y": tensor for i, tensor in enumerate(outputs)}}
        self.saved_for(f"{op} at {self.origin}", *(known[name] for name in step.saved & known.keys()))
        for tensor in outputs:
            self.own(tensor)
        for old, new in zip((changed, changed.base) if changed else (), outputs):
            if old:
                self.overwrite(old, new)
        return outputs[:1] if changed else outputs

    def _changed(self, x: Tensor, recorded: bool) -> tuple[Tensor, ...]:
        """What an op in place makes of x, and of its base where that becomes part of the graph. Raises Refused."""
        self._check_unsaved(x)
        if not recorded:
            return (replace(x),)
        if x.base and x.storage.kind != "activation":
            raise Refused(f"a view of the {x.storage.kind} {x.storage.label} cannot become part of a graph in place", "clone it first")
        base = x.base if x.base is None or x.base.requires_grad else replace(x.base, requires_grad=True)
        result = replace(x, requires_grad=True, base=base)
        self._views[x.storage] = {result}
        return (result,) if base is x.base or base is None else (result, base)

    def current(self, tensor: Tensor) -> Tensor:
        """What a tensor is now: a view that was taken before its storage was changed in place is read off the base again.

        Source: torch/csrc/autograd/variable.cpp (VariableHooks::grad_fn), torch 2.13.
        """
        x = self.latest(tensor)
        if not self.grad or not x.base or x in self._views.get(x.storage, {x}):
            return x
        again = replace(x, requires_grad=True, base=self.latest(x.base))
        rule = Rule(View("x", x.shape, x.strides), {"x": "scattered(g, x.shape)"})
        self.instructions.append(Step("as_strided", rule, {"x": x}, (again,), {}, frozenset({"x"}), self.label, self.origin))
        self._views[x.storage].add(self.own(again))
        self.overwrite(x, again)
        return again

    def saved_for(self, what: str, *tensors: Tensor) -> None:
        """Autograd keeps tensors as they are: they may not be changed any more."""
        for tensor in tensors:
            self._saved.setdefault(tensor.storage, what)

    def _check_unsaved(self, changed: Tensor) -> None:
        """Refuse to change what autograd has saved, as PyTorch does in backward."""
        saved = self._saved.get(changed.storage)
        if saved:
            raise Refused(
                f"{saved} keeps this tensor for its gradient; in backward PyTorch would stop: 'one of the"
                " variables needed for gradient computation has been modified by an inplace operation'",
                "use the op that makes a new tensor",
            )

    def _needed(self, rule: Rule, inputs: Mapping[str, Tensor]) -> frozenset[str]:
        if not self.grad:
            return frozenset()
        return frozenset(n for key in rule.grads for n in joint(key) if n in inputs and inputs[n].requires_grad)

    def _output(self, op: str, spec: Spec | View, inputs: Mapping[str, Tensor], needs: bool) -> Tensor:
        if isinstance(spec, View):
            of = inputs[spec.of]
            base = self.latest(of.base or of)
            view = Tensor(spec.shape, spec.strides, of.dtype, of.storage, needs and of.requires_grad, base, "", self.origin)
            if of.storage in self._views:
                self._views[of.storage].add(view)
            return view
        strides = spec.strides or contiguous(spec.shape)
        grad = needs and spec.differentiable and spec.dtype in FLOATING
        return Tensor(spec.shape, strides, spec.dtype, self.storage(spec.bytes, "activation", op), grad, None, "", self.origin)
