"""torch.optim: the state each optimizer keeps, and what its step holds for a moment.

Source: torch/optim/{sgd,adam,adamw,rmsprop,adagrad}.py, torch 2.13; on CUDA the foreach form is the default.
"""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.run.arrays import Array, Leaf, Memory
from analyzer.run.heap import Block


@dataclass(frozen=True, slots=True)
class Optimizer:
    """State tensors of each parameter, and temporaries of a foreach step, each of the parameter's size."""

    name: str
    state: tuple[str, ...]
    temporaries: tuple[str, ...]
    summary: str


OPTIMIZERS = {
    o.name: o
    for o in (
        Optimizer("SGD", (), (), "no state"),
        Optimizer("SGD-momentum", ("momentum_buffer",), (), "one state"),
        Optimizer("Adam", ("exp_avg", "exp_avg_sq"), ("exp_avg_sq_sqrt",), "two states, one temporary in the step"),
        Optimizer("AdamW", ("exp_avg", "exp_avg_sq"), ("exp_avg_sq_sqrt",), "two states, one temporary in the step"),
        Optimizer("RMSprop", ("square_avg",), ("avg",), "one state, one temporary in the step"),
        Optimizer("Adagrad", ("sum",), ("std", "numerator"), "one state, two temporaries in the step"),
    )
}


def make_state(memory: Memory, optimizer: Optimizer, leaves: list[Leaf]) -> list[Block]:
    """The state of the parameters that have a gradient, as the first step creates it; later steps change it in place."""
    blocks = []
    for leaf in leaves:
        for name in optimizer.state:
            blocks.append(_alloc(memory, leaf, "optimizer", name))
    return blocks


def step(memory: Memory, optimizer: Optimizer, leaves: list[Leaf]) -> None:
    """The temporaries of one foreach step: lists over all parameters, freed when it returns."""
    made = [_alloc(memory, leaf, "temporary", name) for name in optimizer.temporaries for leaf in leaves]
    for block in made:
        memory.heap.release(block)


def _alloc(memory: Memory, leaf: Leaf, kind: str, name: str) -> Block:
    storage = leaf.tensor.storage
    return memory.heap.alloc(storage.size * storage.copies, kind, f"{storage.label} {name}", storage.origin)


def zero_grad(memory: Memory, leaves: list[Leaf]) -> None:
    """zero_grad(set_to_none=True)."""
    for leaf in leaves:
        grad, leaf.grad = leaf.grad, None
        if isinstance(grad, Array):
            memory.release(grad)
