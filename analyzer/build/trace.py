"""Model -> Graph: binds the symbols and executes the statements once, symbolically."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from typing import TYPE_CHECKING

from analyzer.build.batch import Batch
from analyzer.build.frame import POISON, Constant, Frame, Poison
from analyzer.build.grouping import chosen, ungrouped, unknown_frozen
from analyzer.build.interpreter import Interpreter
from analyzer.build.ranks import RANKS, wrapped
from analyzer.build.replicas import Replicas, batch_symbol, is_of_each_gpu
from analyzer.build.shards import undivided, unmoved
from analyzer.build.source import Problems, Statement, TooMany
from analyzer.build.stages import staged
from analyzer.build.symbols import Symbols, bind
from analyzer.build.units import Root
from analyzer.document import Scalar
from analyzer.graph import Graph, Mark, Step, Tensor
from analyzer.ops import autocast
from analyzer.polynomial import ONE, Poly, poly, symbol
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem, nearest
from analyzer.run.groups import patterns
from analyzer.run.settings import Run
from analyzer.sections import Sections
from analyzer.sizes import Device, Sizes
from analyzer.tracing import Tracer, show

if TYPE_CHECKING:
    from analyzer.build.model import Model


def bind_symbols(model: Model, overrides: MappingOf[str, str]) -> Symbols:
    """The value of every symbol. Raises InvalidConfig."""
    problems = Problems()
    bound = bind(model.symbols, overrides, problems)
    problems.raise_any()
    return bound


def trace(
    model: Model, symbols: Symbols, run: Run, device: Device = Device(), *, simulated: int = 4, unroll: bool = False, numeric: bool = False
) -> Graph:
    """The program of one step, as `run` sets it, with `simulated` iterations of a long loop unless all are wanted (`unroll`).

    `numeric` puts numbers for symbols. Of a pipeline it is the program of one stage. Raises InvalidConfig with every problem.
    """

    def traced(run: Run, sections: Sections, *, unroll: bool) -> Graph:
        return _traced(model, symbols, run, device, sections, simulated=simulated, unroll=unroll, numeric=numeric)

    return staged(model, symbols, run, traced, unroll=unroll) if run.parallel == "pipeline" else traced(run, Sections(), unroll=unroll)


def _traced(
    model: Model, symbols: Symbols, run: Run, device: Device, sections: Sections, *, simulated: int, unroll: bool, numeric: bool
) -> Graph:
    sizes = Sizes(symbols.values, device)
    training = run.mode == "train"
    frozen = frozenset(str(path.value) for path in model.frozen)
    tracer = Tracer(training=training, grad=training or not run.no_grad, frozen=frozen)
    tracer.sections = sections
    named = (*frozen, *(word for _, word in chosen(run)), *(path for tie in model.ties for path in (tie.name, tie.target)))
    unroll = unroll or any(part.isdigit() for path in named for part in path.split("."))  # iterations that differ
    problems = Problems(broken=set(model.broken))
    scope = {name: poly(value) if numeric else symbol(name) for name, value in symbols.values.items()}
    session = _Session(model, run, tracer, Interpreter(problems, simulated=simulated, unroll=unroll), scope)
    with sizes.active(), tracer.active():
        try:
            outputs, loss = session.execute()
        except TooMany as error:
            raise TooMany(*problems.found, *error.problems) from None
    if not problems.found:
        problems.extend(
            (
                *unknown_frozen(model.frozen, tracer),
                *session.unknown_ties(),
                *ungrouped(model.run, run, tracer),
                *undivided(model.run, run, tracer),
                *unmoved(model.run, run, tracer),
            )
        )
    problems.raise_any()
    warnings = tuple(session.warnings())
    return Graph(
        model.name, symbols.values, symbols.docs, tuple(tracer.instructions), tracer.parameters, tracer.buffers,
        session.inputs, outputs, loss, tuple(sizes.assumptions.values()), tracer.names,
        warnings, tracer.tied, tracer.blocks, tracer.repeats, None, simulated,
    )  # fmt: skip


class _Session:
    """One tracing of a model: the training loop's frame and the model's inside it."""

    def __init__(self, model: Model, run: Run, tracer: Tracer, interpreter: Interpreter, scope: MappingOf[str, Constant]) -> None:
        self.model, self.run, self.tracer = model, run, tracer
        self.interpreter, self.problems = interpreter, interpreter.problems
        self.inputs: dict[str, Tensor] = {}
        self.kept = run.outputs == "kept" and run.parallel != "pipeline"  # a schedule has variables of its own, and keeps what it returns
        self.loop = Frame(tracer, scope, model.blocks, {})
        self.forward = Frame(tracer, scope, model.blocks, {})
        home = self.forward
        self.forward.modules = {name: (module, home) for name, module in model.modules.items()}

    def execute(self) -> tuple[dict[str, Tensor], Tensor | None]:
        """Run forward and loss; the outputs by name, and the loss."""
        try:
            self.interpreter.calls.ties.declare(self.model.ties, self.tracer)
        except InvalidConfig as error:
            self.problems.extend(error.problems)
        inference = self.model.inference if self.run.mode == "infer" else None
        batch = Batch(self.model, self.interpreter, self.loop, self.run.dtype)
        batch.make(inference.inputs if inference and inference.inputs else None, self.problems)
        self.inputs, self.loop.lists, self.forward.lists = batch.made, batch.lists, batch.lists
        tracer = self.tracer
        tracer.dtype, tracer.autocast, tracer.attention = self.run.dtype, self.run.autocast, self.run.attention
        tracer.mha_fastpath = self.run.mha_fastpath
        tracer.checkpointed, tracer.reentrant = self._checkpointed(), self.run.use_reentrant
        tracer.weights = self.run.weights if self.run.weights != "precision" else ""
        if self.run.parallel == "tensor":
            tracer.ranks = size if isinstance(size := self.loop.symbols[RANKS], Poly) else ONE
            tracer.sequence_parallel, tracer.loss_parallel = self.run.sequence_parallel, self.run.loss_parallel
        tracer.units = self._blocks("shard", self.run.shard)
        tracer.push()
        for tensor in batch.tensors.values():
            tracer.own(tensor)
        root = Root(tracer, self.problems, batch) if self.run.parallel == "fsdp" else None
        if root:
            tracer.gathered, tracer.unit_inputs, tracer.unit_outputs = self.run.gathered, self.run.unit_inputs, self.run.unit_outputs
        seen = root.enter() if root else batch.tensors
        tracer.push()
        for name, tensor in seen.items():
            self.forward.variables[name] = tracer.own(tensor)
        replicas = None
        if tracer.sections.begins and batch.lists:
            name, items = next(iter(batch.lists.items()))
            self.problems.add(items.origin, f"input '{name}' is a list: stages of a pipeline take tensors", "inputs that are tensors")
        if self.run.parallel == "data_parallel":
            replicas = Replicas(tracer, self.problems, batch_symbol(self.model, batch.tensors, self.problems), batch.tensors)
            replicas.enter(self.forward)
        names = [word.value for word in inference.inputs] if inference and inference.inputs else [i.name for i in self.model.inputs]
        self.forward.variables |= {str(name): POISON for name in names if name not in batch.tensors and name not in batch.lists}
        self.forward.previous = tuple(self.forward.variables[str(name)] for name in names[:1] if name not in batch.lists)
        own = inference if inference and inference.layers else None
        self.interpreter.run(own.layers if own else self.model.layers, self.forward)
        self.interpreter.calls.uncalled(self.model.modules, self.forward)
        told = inference.outputs if inference and (own or inference.outputs) else self.model.outputs
        outputs = self._outputs(told)
        tracer.pop(tuple(outputs.values()))
        if root:
            outputs = root.leave(self.forward, outputs)
        if replicas:
            outputs = replicas.leave(self.forward, outputs, self.run.autocast)
        outputs = wrapped(self.run, tracer, outputs)
        self._keep(outputs)
        if self.run.parallel == "pipeline":  # the stage's forward runs under autocast, and so does the function of the loss
            autocast.leave(tracer)
            tracer.autocast = self.run.autocast
        tracer.instructions.append(Mark("forward done"))
        loss = self._loss(outputs) if self.run.mode == "train" else None
        if loss is not None:
            tracer.bind("loss", loss)
        tracer.pop(())
        autocast.leave(tracer)
        return outputs, loss

    def _checkpointed(self) -> frozenset[str]:
        """The blocks that `run.checkpoint` names."""
        return self._blocks("checkpoint", self.run.checkpoint)

    def _blocks(self, key: str, words: str) -> frozenset[str]:
        """The blocks that a setting names."""
        names = frozenset(patterns(words))
        written = self.model.run.get(key)
        for name in sorted(names - self.model.blocks.keys() - self.problems.broken):
            told = written is not None and name in str(written.value)
            origin = written.at(name) if told and written else Origin(COMMAND_LINE)
            self.problems.add(origin, f"run.{key} names no block '{name}'", nearest(name, self.model.blocks))
        return names

    def _outputs(self, names: tuple[Scalar, ...]) -> dict[str, Tensor]:
        if not names:
            last = self.forward.previous[-1:] if self.forward.previous else ()
            return {"output": self.tracer.latest(last[0])} if last and isinstance(last[0], Tensor) else {}
        result: dict[str, Tensor] = {}
        for word in names:
            name = str(word.value)
            value = self.forward.variables.get(name)
            if name in self.forward.lists and value is None:
                result |= self.forward.lists[name].named(name, self.tracer)
                continue
            if value is None:
                self.problems.add(word.origin, f"output '{name}' is never defined", nearest(name, self.forward.variables))
            if isinstance(value, Tensor):
                result[name] = self.tracer.latest(value)
        return result

    def _keep(self, outputs: dict[str, Tensor]) -> None:
        """`out = model(batch)`: the results are variables of the loop, or of a function that ends with the loss."""
        self.loop.beyond = self.forward.variables
        self.loop.variables |= {name: tensor for name, tensor in self.inputs.items() if name.isidentifier()}
        self.loop.lists = self.forward.lists
        for name, tensor in outputs.items():
            self.loop.variables[name] = tensor
            if self.kept:
                self.tracer.bind(f"output.{name}", tensor)
        known = (*self.inputs, *self.loop.lists)
        declared = (*(str(word.value) for word in self.model.outputs), *(i.name for i in self.model.inputs))
        for name in (name for name in declared if name not in known):
            self.loop.variables.setdefault(name, POISON)
        self.loop.previous = tuple(outputs.values())[-1:] or (POISON,)
        self.loop.loop_variables = self.kept

    def _loss(self, outputs: dict[str, Tensor]) -> Tensor | None:
        if not self.model.loss:
            self.problems.add(self.model.origin, "training needs a 'loss'", "loss: [mse_loss: target], or run.mode=infer")
            return None
        self.interpreter.run(self.model.loss, self.loop)
        if self.run.parallel == "data_parallel" and is_of_each_gpu(self.loop.previous[-1:]):
            self.interpreter.run((Statement("mean", self.model.loss[-1].origin, None),), self.loop)
        last = self.loop.now(self.loop.previous[-1]) if self.loop.previous else None
        if isinstance(last, Poison) or self.problems.found:
            return None
        if last is None or last.elements.constant != 1:
            origin = self.model.loss[-1].origin
            hint = f"its shape is {show(last.shape)}: end with mean or sum" if last else ""
            self.problems.add(origin, "the loss is not a single number", hint)
            return None
        if self.tracer.layouts.get(last.storage):
            hint = "colwise_gather_output of the last layer, or gathered where the whole sequence is wanted"
            self.problems.add(self.model.loss[-1].origin, "the loss is of a part of the features or of the sequence alone", hint)
            return None
        if not last.requires_grad:
            self.problems.add(self.model.loss[-1].origin, "the loss does not depend on any trainable parameter")
            return None
        return last

    def unknown_ties(self) -> list[Problem]:
        """Tied names that no parameter has; an inference that has layers of its own may do without some."""
        alone = self.run.mode == "infer" and self.model.inference and self.model.inference.layers
        return [] if alone or self.tracer.weights else list(self.interpreter.calls.ties.unknown(self.tracer))

    def unread(self) -> list[str]:
        """The inputs that nothing reads."""
        used = self.forward.used | self.loop.used
        read = {t for i in self.tracer.instructions if isinstance(i, Step) for t in i.inputs.values()}
        return [name for name, tensor in self.inputs.items() if name.partition(".")[0] not in used and tensor not in read]

    def warnings(self) -> list[str]:
        """Inputs that nothing reads; an inference that has no section of its own does without the loss's targets."""
        if self.run.mode == "infer" and self.model.loss:
            for name in self.unread():
                del self.inputs[name]
        return [
            *dict.fromkeys(self.tracer.warnings),
            *dict.fromkeys(f"{self.inputs[name].origin}: input '{name.partition('.')[0]}' is never used" for name in self.unread()),
        ]
