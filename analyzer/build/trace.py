"""Model -> Graph: binds the symbols and executes the statements once, symbolically."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from typing import TYPE_CHECKING

from analyzer.build.grouping import chosen, ungrouped, unknown_frozen
from analyzer.build.interpreter import Interpreter
from analyzer.build.session import Session
from analyzer.build.shards import undivided, unmoved
from analyzer.build.source import Problems, TooMany
from analyzer.build.stages import staged
from analyzer.build.symbols import Symbols, bind
from analyzer.graph import Graph
from analyzer.polynomial import poly, symbol
from analyzer.run.settings import Run
from analyzer.sections import Sections
from analyzer.sizes import Device, Sizes
from analyzer.tracing import Tracer

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
    session = Session(model, run, tracer, Interpreter(problems, simulated=simulated, unroll=unroll), scope)
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
