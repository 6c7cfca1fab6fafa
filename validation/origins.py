"""Tells the recorder which line of the config is running, forwards and backwards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from analyzer.graph import Call, Redistribute
from validation.rendering import Program

SEEN = "peakform"


class Told(Protocol):
    """Who is told what the program is doing: a recorder, mostly."""

    def say(self, where: str) -> None:
        """What the program is doing from here on."""
        ...


def follow(program: Program, recorder: Told) -> None:
    """Write every op's line beside the allocations made for it, its gradient's included."""
    checked = program.after_call

    def before(call: Call | Redistribute) -> None:
        recorder.say(_line(call))

    def after(call: Call | Redistribute) -> None:
        line = _line(call)
        for tensor in call.outputs:
            _label([program.values[tensor].grad_fn], line, recorder)
        if checked:
            checked(call)

    program.before_call, program.after_call = before, after


def _line(call: Call | Redistribute) -> str:
    return f"{call.op} {call.origin.path.rpartition('/')[2]}:{call.origin.line}"


def _label(nodes: Iterable[Any], line: str, recorder: Told) -> None:
    """Hook the autograd nodes that this op has added. The mark lies in the node: a reference from here would keep it alive."""
    pending = [node for node in nodes if node is not None]
    while pending:
        node = pending.pop()
        if SEEN in node.metadata or node.name() == "torch::autograd::AccumulateGrad":
            continue
        node.metadata[SEEN] = line
        node.register_prehook(lambda gradients: recorder.say(line))
        pending.extend(behind for behind, _ in node.next_functions if behind is not None)
