"""Calls of ops, blocks and named modules: whose parameters they use, and what they return."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable
from collections.abc import Mapping as MappingOf
from dataclasses import replace
from functools import partial

from analyzer.build.application import apply
from analyzer.build.arguments import counted, op_arguments, operands
from analyzer.build.checkpoints import Body, checkpointed, is_checkpointed
from analyzer.build.frame import POISON, Bound, Constant, Frame, Poison, Word
from analyzer.build.layouts import called, entered
from analyzer.build.shards import divided, style_of, style_of_block, styles
from analyzer.build.source import CONTROL, RESERVED, Block, Module, Problems, Statement, TooMany
from analyzer.build.ties import Ties
from analyzer.build.units import sharded
from analyzer.build.values import refuse, size_of, whole_size_of
from analyzer.document import Scalar, Sequence, Value
from analyzer.graph import Tensor
from analyzer.ops import OPS
from analyzer.polynomial import ONE
from analyzer.problems import InvalidConfig, Origin, Problem, nearest

MAX_DEPTH = 40
Run = Callable[[tuple[Statement, ...], Frame], None]


class Calls:
    """Calls what statements name; `run` executes the statements of a block."""

    def __init__(self, problems: Problems, run: Run) -> None:
        self.problems, self.run = problems, run
        self.running: list[str] = []  # blocks, the innermost last
        self.recomputed = 0  # how many of them are checkpointed
        self.owners: dict[str, Origin] = {}
        self.ties = Ties()

    def call(self, statement: Statement, frame: Frame) -> tuple[Bound, ...]:
        """The results of the op, block or module that a statement names."""
        word = statement.word
        if word in frame.modules:
            statement = _on_tensors(statement, frame)
        if statement.option("in") is not None:
            frame.forget_previous()
        if word in frame.modules:
            module, home = frame.modules[word]
            home.used.add(word)
            inner = module.statement
            merged = {**inner.options, **{k: v for k, v in statement.options.items() if k in ("in", "checkpoint")}}
            called = replace(inner, origin=statement.origin, options=merged, name=word, places={**inner.places, **statement.places})
            return self._instance(called, frame, home, inner.origin, home.home)
        if word in frame.blocks or word in OPS or word in self.problems.broken:
            return self._instance(statement, frame, frame, statement.origin, (frame.path, frame.label))
        known = [*OPS, *frame.blocks, *frame.modules, *CONTROL]
        raise refuse(statement.origin, f"unknown op '{word}'", nearest(word, known))

    def _instance(self, statement: Statement, frame: Frame, home: Frame, made: Origin, under: tuple[str, str]) -> tuple[Bound, ...]:
        """Call an op or a block of `home`, made at `made`, its parameters `under` a path and label, on tensors of `frame`."""
        word = statement.word
        if not word or self.problems.broken & {word, statement.name}:
            return (POISON,)
        if word not in home.blocks and word not in OPS:
            raise refuse(made, f"unknown op '{word}'", nearest(word, [*OPS, *home.blocks]))
        path, label = (f"{above}.{statement.name}" if above else statement.name for above in under)
        frame.tracer.sections.enter(path, frame.tracer.instructions)
        first = self.owners.setdefault(path, made)
        if first != made and (word in home.blocks or OPS[word].is_module):
            raise refuse(made, f"'{path}' is already the name of the layer at line {first.line}", "give one of them another 'name'")
        if word in home.blocks:
            block = home.blocks[word]
            tensors = operands(statement, frame, bool(block.inputs))
            return self._block(block, statement, tensors, frame, home, (path, label))
        op = OPS[word]
        positional, attributes = op_arguments(op, statement, frame)
        if any(isinstance(v, Poison) for a in (*positional, *attributes.values()) for v in (a if isinstance(a, list) else [a])):
            return (POISON,)
        place = (path, label) if op.is_module else under
        return apply(op.name, positional, attributes, frame, place, style_of(statement, home, place))

    def _block(self, block: Block, statement: Statement, tensors: list[Bound], frame: Frame, home: Frame,
               place: tuple[str, str]) -> tuple[Bound, ...]:  # fmt: skip
        parameters = self._parameters(block, statement, home)
        if POISON in tensors:
            return (POISON,)
        if len(tensors) != len(block.inputs):
            named = f" ({', '.join(block.inputs)})" if block.inputs else ""
            message = f"block '{block.name}' takes {counted(len(block.inputs), 'tensor')}{named}, not {len(tensors)}"
            raise refuse(statement.place("in"), message)
        if block.name in self.running:
            chain = " -> ".join((*self.running[self.running.index(block.name) :], block.name))
            raise refuse(statement.origin, f"block '{block.name}' calls itself: {chain}")
        if len(self.running) >= MAX_DEPTH:
            raise TooMany(Problem(statement.origin, f"more than {MAX_DEPTH} blocks inside each other"))
        tracer = frame.tracer
        self.ties.declare(block.ties, tracer, place)
        again = tracer.grad and (is_checkpointed(statement) or block.name in tracer.checkpointed)
        outside = Frame(
            tracer, parameters, home.blocks, home.modules, *place, lists={} if again else frame.lists, styles=styles(block, tracer),
            beyond=ChainMap(frame.variables, dict(frame.beyond)), block=block.name,
        )  # fmt: skip
        body = partial(self._body, block, outside)
        self.running.append(block.name)
        whole: Body = partial(checkpointed, tracer, block.name, body=body, problems=self.problems) if again else body
        if block.name in tracer.units:
            if self.recomputed:
                message = f"'{block.name}' is sharded by itself inside a checkpointed block: that is not simulated"
                raise refuse(statement.origin, message, "shard the checkpointed block")
            whole = partial(sharded, tracer, place[0], body=whole)
        self.recomputed += again
        results = called(whole, tensors, style_of_block(statement, home), outside)
        self.recomputed -= again
        self.running.pop()
        first = next((t.shape for t in results if isinstance(t, Tensor)), None)
        tracer.blocks.setdefault(place[0], (block.name, first))
        return results

    def _body(self, block: Block, outside: Frame, tensors: list[Bound]) -> tuple[Bound, ...]:
        """A call of a function: the block's statements with variables of their own."""
        tracer, inner = outside.tracer, replace(outside, variables={}, used=set())
        inner.modules = {**outside.modules, **{n: (m, inner) for n, m in block.modules.items()}}
        tracer.push()
        taken = [entered(block, name, tensor, inner) for name, tensor in zip(block.inputs, tensors)]
        for name, tensor, given in zip(block.inputs, taken, tensors):
            inner.assign(name, tensor, owned=tensor is not given)
        inner.previous = tuple(taken[:1])
        before = tracer.origin
        self.run(block.layers, inner)
        self.uncalled(block.modules, inner)
        tracer.origin = before
        results = self._results(block, inner)
        tracer.pop(tuple(t for t in results if isinstance(t, Tensor)))
        return results

    def _results(self, block: Block, inner: Frame) -> tuple[Bound, ...]:
        if not block.outputs:
            return inner.previous
        results: list[Bound] = []
        for word in block.outputs:
            name = str(word.value)
            if name not in inner.variables:
                self.problems.add(word.origin, f"block '{block.name}' never defines its output '{name}'", nearest(name, inner.variables))
            results.append(inner.variables.get(name, POISON))
        return tuple(results)

    def _parameters(self, block: Block, statement: Statement, home: Frame) -> dict[str, Constant]:
        """A block's symbols: given by the call, else by default; defaults see the symbols before them."""
        problems = unknown_symbols(block, statement)
        if problems:
            raise InvalidConfig(*problems)
        given = statement.given
        if statement.value is not None:
            given[block.symbols[0][0]] = statement.value
        symbols = dict(home.symbols)
        for name, default in block.symbols:
            where = Frame(home.tracer, symbols, {}, {})
            symbols[name] = _constant(given[name], home) if name in given else _constant(default, where)
        return divided(block, symbols, home.tracer)

    def uncalled(self, modules: MappingOf[str, Module], frame: Frame) -> None:
        """Make the parameters of named instances that no statement called, from the shapes they state."""
        for name, module in modules.items():
            if name in frame.used or name in self.problems.broken:
                continue
            try:
                self._make_uncalled(name, module, frame)
            except InvalidConfig as error:
                self.problems.extend(error.problems)

    def _make_uncalled(self, name: str, module: Module, frame: Frame) -> None:
        tracer, statement = frame.tracer, module.statement
        shapes = [tuple(whole_size_of(item, frame) for item in s.items) for s in module.shapes]
        width = statement.option("in_features")
        if not shapes and width is not None:
            shapes = [(ONE, whole_size_of(width, frame))]
        if not shapes:
            if (statement.word in OPS and not OPS[statement.word].is_module) or self.problems.found:
                return
            raise refuse(module.origin, f"module '{name}' is never called: say what it would be called with", "inputs: [[1, Z]]")
        kept, grad, autocast, called = len(tracer.instructions), tracer.grad, tracer.autocast, set(tracer.blocks)
        tracer.grad, tracer.autocast = False, ""
        phantom = Frame(tracer, frame.symbols, frame.blocks, frame.modules, frame.path, frame.label)
        with tracer.unwinding():
            tracer.push()
            tracer.origin = module.origin
            phantom.previous = tuple(tracer.phantom(shape) for shape in shapes)
            self._instance(replace(statement, name=name), phantom, frame, statement.origin, frame.home)
            tracer.pop(())
        tracer.grad, tracer.autocast = grad, autocast
        del tracer.instructions[kept:]
        tracer.blocks |= {path: (block, None) for path, (block, _) in tracer.blocks.items() if path not in called}


def unknown_symbols(block: Block, statement: Statement) -> list[Problem]:
    """What is given to a block that it has no symbol for."""
    known = [name for name, _ in block.symbols]
    problems = [
        Problem(statement.place(k), f"block '{block.name}' has no symbol '{k}'", nearest(k, (*known, *RESERVED)))
        for k in statement.given
        if k not in known
    ]
    if statement.value is not None and not known:
        problems.append(Problem(statement.value.origin, f"block '{block.name}' has no symbols", f"- {block.name}: {{in: x, as: y}}"))
    return problems


def _constant(value: Value, frame: Frame) -> Constant:
    """A block parameter: a size, a flag, or a word in quotes or one that is no symbol."""
    if isinstance(value, Scalar):
        if isinstance(value.value, bool):
            return value.value
        if isinstance(value.value, str) and value.value.isidentifier():
            known = frame.symbols.get(value.value)
            return Word(value.value, value.origin) if known is None else known
    return size_of(value, frame)


def _on_tensors(statement: Statement, frame: Frame) -> Statement:
    """A call of a module: `a: x` and `a: [x, y]` name its tensors. Raises InvalidConfig when something else is given."""
    value = statement.value
    named = value.items if isinstance(value, Sequence) else (value,)
    if value is not None and not statement.given and all(isinstance(n, Scalar) and n.value in frame.variables for n in named):
        return replace(statement, value=None, options={**statement.options, "in": value})
    if statement.given or value is not None:
        origin = value.origin if value else statement.place(next(iter(statement.given)))
        message = f"module '{statement.word}' takes tensors only; its arguments stand under 'modules'"
        raise refuse(origin, message, f"- {statement.word}: {{in: x, as: y}}")
    return statement
