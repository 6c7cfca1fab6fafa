"""The program around the model: training steps until they repeat, or an inference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from analyzer.graph import ITEMSIZE, Enter, Graph, Rule, Spec, Step, Tensor, nested
from analyzer.polynomial import poly
from analyzer.problems import Origin
from analyzer.run import learning, scaling
from analyzer.run.arrays import Array, Leaf
from analyzer.run.backward import backward
from analyzer.run.buckets import Buckets
from analyzer.run.forward import Forward
from analyzer.run.groups import optimized
from analyzer.run.heap import STEADY, Heap, Place
from analyzer.run.optimizer import OPTIMIZERS
from analyzer.run.parallel import REPLICATED
from analyzer.run.partition import Partitioned
from analyzer.run.pipeline import Schedule, Staged
from analyzer.run.replicas import Replicas
from analyzer.run.schedules import APART
from analyzer.run.settings import Run
from analyzer.run.shards import Shards
from analyzer.run.wrapper import Wrapper


def simulate(graph: Graph, run: Run, gpu: int = 0, apart: int = APART) -> Heap:
    """The heap after two steps of training, or after one inference; places and marks tell the phases.

    `gpu` is which GPU's, under DataParallel. Of k accumulated micro-batches the first and one later are run: all later ones are alike.
    Of a pipeline's, at most `apart` of those in flight are run, and stand for the others.
    """
    heap = Heap()
    forward = Forward(heap)
    wrapper = forward.memory.wrapper = _wrapper(graph, run, forward, gpu)
    forward.resident((*standing(graph), *graph.inputs.values()))
    if run.mode == "infer":
        heap.move(Place(STEADY, "inference"))
        heap.mark("start")
        forward.run(graph.instructions)
        heap.mark("end")
        return heap
    if run.ema:
        resident = (*graph.parameters.values(), *graph.buffers.values())
        for size, storage in ((tensor.bytes, tensor.storage) for tensor in resident):
            heap.alloc(size, "optimizer", f"averaged model: {storage.label}", storage.origin, storage.loops)
    if run.scaler:
        heap.alloc(poly(4), "optimizer", "gradient scaler: scale")
        heap.alloc(poly(4), "optimizer", "gradient scaler: growth tracker")
    wrapper.wrap()
    if OPTIMIZERS[run.optimizer].eager:
        learning.make_state(forward.memory, run, wrapper.owned(optimized(run, wrapper.trained(list(forward.leaves.values())))))
    if graph.stage:
        schedule = Schedule(graph, run, forward, apart)
        for number in (0, STEADY):
            _train_stage(run, schedule, number)
        return heap
    for number in (0, STEADY):
        _train(graph, run, forward, number)
    return heap


def _wrapper(graph: Graph, run: Run, forward: Forward, gpu: int) -> Wrapper:
    """What the run puts around the model."""
    if run.parallel == "data_parallel":
        return Replicas(graph, forward, gpu)
    if run.parallel == "fsdp":
        return Shards(graph, run, forward)
    if graph.stage:
        return Staged(graph)
    if run.parallel in REPLICATED:
        whole = not any(isinstance(i, Enter) and i.skipped for i in nested(graph.instructions))
        kind = Partitioned if run.parallel == "zero1" else Buckets
        return kind(run, forward, list(graph.buffers.values()), whole)
    return Wrapper()


def standing(graph: Graph) -> Iterator[Tensor]:
    """Parameters and buffers in the order in which a model is moved to its device: module by module."""
    buffers: dict[str, list[Tensor]] = {}
    for path, tensor in graph.buffers.items():
        buffers.setdefault(path.rpartition(".")[0], []).append(tensor)
    last = {path.rpartition(".")[0]: path for path in graph.parameters}
    for path, tensor in graph.parameters.items():
        yield tensor
        module = path.rpartition(".")[0]
        if last[module] == path:
            yield from buffers.pop(module, ())
    for rest in buffers.values():
        yield from rest


def _train(graph: Graph, run: Run, forward: Forward, number: int) -> None:
    heap, leaves = forward.heap, forward.memory.wrapper.trained(list(forward.leaves.values()))
    heap.move(Place(number, "forward"))
    heap.mark("start")
    for micro in range(min(run.accumulation, 2)):
        heap.move(replace(heap.place, phase="forward", micro=micro))
        heap.mark("forward")
        forward.memory.wrapper.before_forward()
        forward.run(graph.instructions)
        if micro == 0 and run.zero_grad == "before_backward":
            learning.zero_grad(forward.memory, run, optimized(run, leaves))
        _backward(run, forward)
    outer, heap.elsewhere = heap.elsewhere, heap.elsewhere or run.offloaded
    _learn(run, forward, leaves, number)
    heap.elsewhere = outer
    heap.mark("end")


def _train_stage(run: Run, schedule: Schedule, number: int) -> None:
    """A step of one stage of a pipeline."""
    heap, forward = schedule.heap, schedule.forward
    heap.move(Place(number, "forward"))
    heap.mark("start")
    schedule.step(number, steady=number == STEADY)
    _learn(run, forward, list(forward.leaves.values()), number)
    schedule.end()
    heap.mark("end")


def _backward(run: Run, forward: Forward) -> None:
    heap, memory = forward.heap, forward.memory
    heap.move(replace(heap.place, phase="backward"))
    heap.mark("backward")
    root = forward.variables["loss"]
    root.refs += 1
    if run.accumulation > 1:
        root = _scaled(forward, root, root.dtype, "loss / micro-batches")
    if run.scaler:
        root = _scaled(forward, root, max(root.dtype, "float32", key=ITEMSIZE.__getitem__), "scaled loss")
    gradient = memory.fresh(root.shape, root.dtype, None, "gradient of activation", "gradient of the loss")
    backward(memory, [(root.node, root.output, gradient)] if root.node else [], forward.standing)
    memory.wrapper.after_backward()
    memory.release(gradient)
    memory.release(root)
    heap.mark("backward done")


def _learn(run: Run, forward: Forward, leaves: list[Leaf], number: int) -> None:
    """Clipping, the step, zero_grad: in the order the loop has them."""
    heap, memory = forward.heap, forward.memory
    heap.move(replace(heap.place, phase="step", micro=0))
    graded = [leaf for leaf in leaves if leaf.grad is not None]
    found_inf = scaling.unscale(memory, sharded=run.parallel == "fsdp") if run.scaler else None
    if run.clip_grad_norm:
        scaling.clip_grad_norm(memory, graded, foreach=run.clip_foreach, parallel=run.parallel)
    heap.op = f"{run.optimizer} step"
    trained = [leaf for leaf in memory.wrapper.owned(optimized(run, leaves)) if leaf.grad is not None]
    if number == 0 and not OPTIMIZERS[run.optimizer].eager:
        learning.make_state(memory, run, trained)
    total = heap.alloc(poly(4), "temporary", "gradient scaler: found_inf of all devices") if run.scaler and run.form == "fused" else None
    learning.step(memory, run, trained)
    for block in (total, found_inf):
        if block:
            heap.release(block)
    if run.ema:
        heap.scratch("averaged model: how many averages", poly(8))
    heap.mark("step done")
    if run.zero_grad == "after_step":
        learning.zero_grad(memory, run, optimized(run, leaves))
    if run.outputs == "dropped":
        forward.bind("loss", None)


def _scaled(forward: Forward, loss: Array, dtype: str, name: str) -> Array:
    """The loss times a scalar that is there already, as a node of its own; the loss passed on is no longer held here."""
    step = Step(name, Rule(Spec((), dtype), {"x": "g * 2"}), {}, (), {}, frozenset({"x"}), name, Origin(""))
    scaled = forward.memory.fresh((), dtype, None, "activation", name)
    scaled.node = forward.node(step, {"x": loss})
    scaled.node.refs = 1
    if loss.node:
        loss.node.refs += 1
        scaled.node.edges["x"] = loss.node, loss.output
    forward.memory.release(loss)
    return scaled
