"""One tracing of a model: the training loop runs the forward and the loss, statement by statement."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from typing import TYPE_CHECKING

from analyzer.build.batch import Batch
from analyzer.build.frame import POISON, Constant, Frame, Poison
from analyzer.build.interpreter import Interpreter
from analyzer.build.ranks import RANKS, wrapped
from analyzer.build.replicas import Replicas, batch_symbol, is_of_each_gpu
from analyzer.build.source import Statement
from analyzer.build.units import Root
from analyzer.document import Scalar
from analyzer.graph import Mark, Step, Tensor
from analyzer.ops import autocast
from analyzer.polynomial import ONE, Poly
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem, nearest
from analyzer.run.groups import patterns
from analyzer.run.settings import Run
from analyzer.tracing import Tracer, show

if TYPE_CHECKING:
    from analyzer.build.model import Model


class Session:
    """One tracing of a model: the training loop's frame and the model's inside it."""

    def __init__(self, model: Model, run: Run, tracer: Tracer, interpreter: Interpreter, scope: MappingOf[str, Constant]) -> None:
        self.model, self.run, self.tracer = model, run, tracer
        self.interpreter, self.problems = interpreter, interpreter.problems
        self.inputs: dict[str, Tensor] = {}
        self.kept = run.outputs == "kept" and run.parallel != "pipeline"  # a schedule has variables of its own, and keeps what it returns
        self.loop = Frame(tracer, scope, model.blocks, {})
        self.forward = Frame(tracer, scope, model.blocks, {})
        self.inference = model.inference if run.mode == "infer" else None
        home = self.forward
        self.forward.modules = {name: (module, home) for name, module in model.modules.items()}

    def execute(self) -> tuple[dict[str, Tensor], Tensor | None]:
        """Run forward and loss; the outputs by name, and the loss."""
        tracer, batch = self.tracer, self._batch()
        self._settle()
        tracer.push()
        for tensor in batch.tensors.values():
            tracer.own(tensor)
        outputs = self._called(batch)
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

    def _batch(self) -> Batch:
        """The inputs, made; what stands in a section that the running mode has replaces the model's."""
        try:
            self.interpreter.calls.ties.declare(self.model.ties, self.tracer)
        except InvalidConfig as error:
            self.problems.extend(error.problems)
        batch = Batch(self.model, self.interpreter, self.loop, self.run.dtype)
        batch.make(self.inference.inputs if self.inference and self.inference.inputs else None, self.problems)
        self.inputs, self.loop.lists, self.forward.lists = batch.made, batch.lists, batch.lists
        if self.tracer.sections.begins and batch.lists:
            name, items = next(iter(batch.lists.items()))
            self.problems.add(items.origin, f"input '{name}' is a list: stages of a pipeline take tensors", "inputs that are tensors")
        return batch

    def _settle(self) -> None:
        """Tell the tracer how the model is run."""
        tracer, run = self.tracer, self.run
        tracer.dtype, tracer.autocast, tracer.attention = run.dtype, run.autocast, run.attention
        tracer.mha_fastpath = run.mha_fastpath
        tracer.checkpointed, tracer.reentrant = self._blocks("checkpoint", run.checkpoint), run.use_reentrant
        tracer.weights = run.weights if run.weights != "precision" else ""
        if run.parallel == "tensor":
            tracer.ranks = size if isinstance(size := self.loop.symbols[RANKS], Poly) else ONE
            tracer.sequence_parallel, tracer.loss_parallel = run.sequence_parallel, run.loss_parallel
        tracer.units = self._blocks("shard", run.shard)

    def _called(self, batch: Batch) -> dict[str, Tensor]:
        """model(batch), and what is around it where several GPUs share the work: the outputs by name."""
        tracer, run = self.tracer, self.run
        root = Root(tracer, self.problems, batch) if run.parallel == "fsdp" else None
        if root:
            tracer.gathered, tracer.unit_inputs, tracer.unit_outputs = run.gathered, run.unit_inputs, run.unit_outputs
        seen = root.enter() if root else batch.tensors
        tracer.push()
        for name, tensor in seen.items():
            self.forward.variables[name] = tracer.own(tensor)
        replicas = None
        if run.parallel == "data_parallel":
            replicas = Replicas(tracer, self.problems, batch_symbol(self.model, batch.tensors, self.problems), batch.tensors)
            replicas.enter(self.forward)
        outputs = self._returned(batch)
        if root:
            outputs = root.leave(self.forward, outputs)
        if replicas:
            outputs = replicas.leave(self.forward, outputs, run.autocast)
        return wrapped(run, tracer, outputs)

    def _returned(self, batch: Batch) -> dict[str, Tensor]:
        """The model's own forward: what it returns, by name."""
        inference = self.inference
        names = [word.value for word in inference.inputs] if inference and inference.inputs else [i.name for i in self.model.inputs]
        self.forward.variables |= {str(name): POISON for name in names if name not in batch.tensors and name not in batch.lists}
        self.forward.previous = tuple(self.forward.variables[str(name)] for name in names[:1] if name not in batch.lists)
        own = inference if inference and inference.layers else None
        self.interpreter.run(own.layers if own else self.model.layers, self.forward)
        self.interpreter.calls.uncalled(self.model.modules, self.forward)
        outputs = self._outputs(inference.outputs if inference and (own or inference.outputs) else self.model.outputs)
        self.tracer.pop(tuple(outputs.values()))
        return outputs

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
