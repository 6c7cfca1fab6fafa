"""The program around the model: training steps until they repeat, or an inference."""

from __future__ import annotations

from dataclasses import replace

from analyzer.graph import Graph
from analyzer.run import optimizer as optim
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
    backward(memory, forward.variables["loss"])
    heap.mark("backward done")
    heap.move(replace(heap.place, phase="step"))
    trained = [leaf for leaf in leaves if leaf.grad is not None]
    optimizer = optim.OPTIMIZERS[run.optimizer]
    heap.op = f"{optimizer.name} step"
    if number == 0:
        optim.make_state(memory, optimizer, trained)
    optim.step(memory, optimizer, trained)
    heap.mark("step done")
    if run.zero_grad == "after_step":
        optim.zero_grad(memory, leaves)
    if run.outputs == "dropped":
        forward.bind("loss", None)
