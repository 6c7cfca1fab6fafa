"""The program around the model: training steps until they repeat, or an inference."""

from __future__ import annotations

from dataclasses import replace

from analyzer.graph import Graph
from analyzer.polynomial import poly
from analyzer.run import optimizer as optim
from analyzer.run.arrays import Array
from analyzer.run.backward import backward
from analyzer.run.forward import Forward
from analyzer.run.heap import Heap, Place
from analyzer.run.settings import Run

STEADY = 1  # the second step: state exists, and the first step's variables are still bound


def simulate(graph: Graph, run: Run) -> Heap:
    """The heap after two steps of training, or after one inference; places and marks tell the phases."""
    heap = Heap()
    forward = Forward(heap)
    forward.resident((*graph.parameters.values(), *graph.buffers.values(), *graph.inputs.values()))
    steps = (0, STEADY) if run.mode == "train" else (STEADY,)
    if run.scaler and run.mode == "train":
        heap.alloc(poly(8), "optimizer", "gradient scaler")
    for number in steps:
        heap.move(Place(number, "forward" if run.mode == "train" else "inference"))
        heap.mark("start")
        forward.run(graph.instructions)
        if run.mode == "train":
            _learn(graph, run, forward, number)
        heap.mark("end")
    return heap


def _learn(graph: Graph, run: Run, forward: Forward, number: int) -> None:
    """zero_grad, backward, step: in the order the loop has them."""
    heap, memory = forward.heap, forward.memory
    leaves = list(forward.leaves.values())
    if run.zero_grad == "before_backward":
        optim.zero_grad(memory, leaves)
    heap.move(replace(heap.place, phase="backward"))
    heap.mark("backward")
    scaled = _scaled(forward) if run.scaler else None
    backward(memory, scaled or forward.variables["loss"])
    if scaled:
        memory.release(scaled)
    heap.mark("backward done")
    heap.move(replace(heap.place, phase="step"))
    trained = [leaf for leaf in leaves if leaf.grad is not None]
    optimizer = optim.OPTIMIZERS[run.optimizer]
    heap.op = f"{optimizer.name} step"
    if number == 0:
        optim.make_state(memory, optimizer, trained)
    found_inf = heap.alloc(poly(4), "temporary", "gradient scaler found_inf") if run.scaler else None
    optim.step(memory, optimizer, trained)
    if found_inf:
        heap.release(found_inf)
    heap.mark("step done")
    if run.zero_grad == "after_step":
        optim.zero_grad(memory, leaves)
    if run.outputs == "dropped":
        forward.bind("loss", None)


def _scaled(forward: Forward) -> Array:
    """scaler.scale(loss): the loss times a scalar that is there already."""
    loss = forward.variables["loss"]
    scaled = forward.memory.fresh(loss.shape, loss.dtype, None, "activation", "scaled loss")
    scaled.node, scaled.output = loss.node, loss.output
    if scaled.node:
        scaled.node.refs += 1
    return scaled
