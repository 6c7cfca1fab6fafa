"""Executes statements: ops are traced, blocks are called, loops run for the few iterations that stand for all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from analyzer.build.arguments import bound_names, incoming, op_arguments, refuse, size_of, tensor_of
from analyzer.build.arithmetic import assign
from analyzer.build.frame import POISON, Bound, Constant, Frame, Poison
from analyzer.build.source import CONTROL, RESERVED, Block, Module, Problems, Statement
from analyzer.document import Scalar, Sequence, Value
from analyzer.evaluate import NotWhole
from analyzer.graph import Call, Enter, Leave, Tensor
from analyzer.ops import OPS
from analyzer.polynomial import ONE, ZERO, Poly, poly
from analyzer.problems import InvalidConfig, Origin, Problem, nearest
from analyzer.sizes import sizes
from analyzer.tracing import Refused

SIMULATED = 4  # first, second, last but one, last
MAX_DEPTH, MAX_STATEMENTS = 40, 20_000


class Interpreter:
    """Runs statements in frames; problems are collected, and what depends on a failed statement is skipped."""

    def __init__(self, problems: Problems, *, unroll: bool = False) -> None:
        self.problems, self.unroll = problems, unroll
        self.depth = self.count = self.loops = 0
        self.owners: dict[str, Origin] = {}

    def run(self, statements: tuple[Statement, ...], frame: Frame) -> None:
        """Execute a list of statements."""
        for statement in statements:
            self.count += 1
            if self.count > MAX_STATEMENTS or self.depth > MAX_DEPTH:
                raise refuse(statement.origin, "more statements, or blocks more deeply nested, than a model has")
            before = len(self.problems.found)
            try:
                self._execute(statement, frame)
            except InvalidConfig as error:
                self.problems.found.extend(error.problems)
            except Refused as error:
                self.problems.add(statement.origin, error.message, error.hint)
            except (NotWhole, ZeroDivisionError) as error:
                self.problems.add(statement.origin, f"{statement.word}: {error}")
            if len(self.problems.found) > before:
                self._poison(statement, frame)

    def _poison(self, statement: Statement, frame: Frame) -> None:
        try:
            names = bound_names(statement)
        except InvalidConfig:
            names = ()
        frame.forget_previous()
        for name in names:
            frame.assign(name, POISON, owned=True)
        frame.previous = (POISON,)

    def _execute(self, statement: Statement, frame: Frame) -> None:
        tracer = frame.tracer
        tracer.origin = statement.origin
        match statement.word:
            case "repeat":
                self._repeat(statement, frame)
            case "let":
                assign(statement, frame, self.apply)
            case "no_grad":
                before, tracer.grad = tracer.grad, False
                self.run(statement.body, frame)
                tracer.grad = before
            case "as":
                self._name_previous(statement, frame)
            case "del":
                self._delete(statement, frame)
            case "retain":
                self._retain(statement, frame)
            case _:
                results = self._call(statement, frame)
                names = bound_names(statement)
                if names and len(names) != len(results) and POISON not in results:
                    raise refuse(statement.origin, f"{statement.word} returns {len(results)} value(s), not {len(names)}")
                frame.remember(results if POISON not in results else (POISON,) * max(1, len(names)), names)

    def _name_previous(self, statement: Statement, frame: Frame) -> None:
        value = statement.value
        if not isinstance(value, Scalar) or not isinstance(value.value, str):
            raise refuse(statement.origin, "'as' must be a name")
        if len(frame.previous) != 1:
            raise refuse(statement.origin, "there is no result to name")
        result, owned = frame.previous[0], frame.previous_owned
        frame.previous_owned = False
        frame.assign(value.value, result, owned=owned)

    def _delete(self, statement: Statement, frame: Frame) -> None:
        items = statement.value.items if isinstance(statement.value, Sequence) else (statement.value,)
        frame.forget_previous()
        for item in items:
            name = str(item.value) if isinstance(item, Scalar) else ""
            if name not in frame.variables:
                raise refuse(statement.origin, f"'{name}' is not a variable here", nearest(name, frame.variables))
            value = frame.variables.pop(name)
            if isinstance(value, Tensor):
                frame.tracer.release(value)

    def _retain(self, statement: Statement, frame: Frame) -> None:
        """An attribute of the model takes a value and holds it until the next forward replaces it."""
        value = statement.value
        if not isinstance(value, Scalar) or not isinstance(value.value, str):
            raise refuse(statement.origin, "'retain' must be a name")
        tensor = tensor_of(value.value, value.origin, frame)
        if isinstance(tensor, Tensor):
            frame.tracer.bind(f"{frame.path}.{value.value}", tensor)

    def _call(self, statement: Statement, frame: Frame) -> tuple[Bound, ...]:
        word = statement.word
        if statement.option("in") is not None:
            frame.forget_previous()
        if word in frame.modules:
            module, home = frame.modules[word]
            inner = module.statement
            if any(k not in RESERVED for k in statement.options) or statement.value is not None:
                raise refuse(statement.origin, f"module '{word}' takes tensors only; its arguments stand under 'modules'")
            merged = {**inner.options, **{k: v for k, v in statement.options.items() if k == "in"}}
            called = Statement(inner.word, statement.origin, inner.value, merged, (), word)
            return self._instance(called, frame, home, inner.origin)
        if word in frame.blocks or word in OPS:
            return self._instance(statement, frame, frame, statement.origin)
        known = [*OPS, *frame.blocks, *frame.modules, *CONTROL]
        raise refuse(statement.origin, f"unknown op '{word}'", nearest(word, known))

    def _instance(self, statement: Statement, frame: Frame, home: Frame, made: Origin) -> tuple[Bound, ...]:
        """Call an op or a block, made at `made`, whose parameters live under `home`, on tensors of `frame`."""
        tensors = incoming(statement, frame)
        if any(isinstance(t, Poison) for t in tensors):
            return (POISON,)
        path = f"{home.path}.{statement.name}" if home.path else statement.name
        label = f"{home.label}.{statement.name}" if home.label else statement.name
        first = self.owners.setdefault(path, made)
        if first != made and (statement.word in home.blocks or OPS[statement.word].is_module):
            raise refuse(made, f"'{path}' is already the name of the layer at line {first.line}", "give one of them another 'name'")
        if statement.word in home.blocks:
            block = home.blocks[statement.word]
            return self._block(block, statement, tensors, frame, home, (path, label))
        op = OPS[statement.word]
        positional, attributes = op_arguments(op, statement, frame)
        if any(isinstance(v, Poison) for v in (*positional, *attributes.values())):
            return (POISON,)
        place = (path, label) if op.is_module else (home.path, home.label)
        return self.apply(op.name, positional, attributes, frame, place)

    def apply(self, name: str, positional: list[Any], attributes: dict[str, Any], frame: Frame,
              place: tuple[str, str] | None = None) -> tuple[Bound, ...]:  # fmt: skip
        """Trace one op; its results belong to the running function."""
        tracer, op = frame.tracer, OPS[name]
        with located(frame, *(place or (frame.path, frame.label))):
            tracer.push()
            tracer.inside_op += 1
            result = op.function(*positional, **attributes)
            results = result if isinstance(result, tuple) else (result,)
            tracer.pop(results)
            tracer.inside_op -= 1
        given = dict(zip((a.name for a in op.arguments), positional)) | attributes
        arguments = {k: _plain(v) for k, v in given.items()}
        tracer.instructions.append(Call(name, tracer_path(place, frame), arguments, results, tracer.origin))
        return results

    def _block(self, block: Block, statement: Statement, tensors: list[Any], frame: Frame, home: Frame,
               place: tuple[str, str]) -> tuple[Bound, ...]:  # fmt: skip
        if len(tensors) != len(block.inputs):
            raise refuse(
                statement.origin,
                f"block '{block.name}' takes {len(block.inputs)} tensor(s) ({', '.join(block.inputs)}), not {len(tensors)}",
            )
        tracer = frame.tracer
        inner = Frame(tracer, self._parameters(block, statement, home), home.blocks, {}, *place)
        inner.modules = {**frame_modules(home), **{n: (m, inner) for n, m in block.modules.items()}}
        tracer.push()
        for name, tensor in zip(block.inputs, tensors):
            inner.assign(name, tensor, owned=False)
        inner.previous = tuple(tensors[:1])
        before = tracer.origin
        self.depth += 1
        self.run(block.layers, inner)
        self.uncalled(block.modules, inner)
        self.depth -= 1
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
        known = [name for name, _ in block.symbols]
        given = {k: v for k, v in statement.options.items() if k not in RESERVED}
        if statement.value is not None and known:
            given[known[0]] = statement.value
        problems = [
            Problem(v.origin, f"block '{block.name}' has no symbol '{k}'", nearest(k, known)) for k, v in given.items() if k not in known
        ]
        if problems:
            raise InvalidConfig(*problems)
        symbols = dict(home.symbols)
        for name, default in block.symbols:
            where = Frame(home.tracer, symbols, {}, {})
            symbols[name] = _constant(given[name], home) if name in given else _constant(default, where)
        return symbols

    def uncalled(self, modules: Any, frame: Frame) -> None:
        """Make the parameters of named instances that no statement called, from the shapes they state."""
        for name, module in modules.items():
            prefix = f"{frame.path}.{name}." if frame.path else f"{name}."
            tracer = frame.tracer
            if any(p.startswith(prefix) for p in (*tracer.parameters, *tracer.buffers)) or name in frame.used:
                continue
            self._make_uncalled(name, module, frame)

    def _make_uncalled(self, name: str, module: Module, frame: Frame) -> None:
        tracer, statement = frame.tracer, module.statement
        shapes = [tuple(size_of(item, frame) for item in s.items) for s in module.shapes]
        width = statement.option("in_features")
        if not shapes and width is not None:
            shapes = [(ONE, size_of(width, frame))]
        if not shapes:
            if statement.word in OPS and not OPS[statement.word].is_module:
                return
            raise refuse(statement.origin, f"module '{name}' is never called: say what it would be called with", "inputs: [[1, Z]]")
        kept, grad, autocast = len(tracer.instructions), tracer.grad, tracer.autocast
        tracer.grad, tracer.autocast = False, ""
        tracer.push()
        phantom = Frame(tracer, frame.symbols, frame.blocks, frame.modules, frame.path, frame.label)
        for i, shape in enumerate(shapes):
            phantom.variables[f"_{i}"] = tracer.phantom(shape)
        names = tuple(phantom.variables.values())
        phantom.previous = names
        named = Statement(statement.word, statement.origin, statement.value, statement.options, (), name)
        self._instance(named, phantom, frame, statement.origin)
        tracer.pop(())
        tracer.grad, tracer.autocast = grad, autocast
        del tracer.instructions[kept:]

    def _repeat(self, statement: Statement, frame: Frame) -> None:
        """Run a loop: all iterations when they are few, else four of them, the third and fourth being the last two."""
        if statement.value is None:
            raise refuse(statement.origin, "repeat needs a count")
        tracer, count = frame.tracer, size_of(statement.value, frame)
        number = sizes().number(count)
        if number < 1:
            raise refuse(statement.value.origin, f"repeat count is {number}")
        short = number <= SIMULATED or self.unroll
        skipped = ZERO if short else count - SIMULATED
        if count.constant is None:
            sizes().assume(count, "==" if short else ">=", poly(number if short else SIMULATED))
        self.loops += 1
        loop, outer, path, label = f"loop{self.loops}", tracer.copies, frame.path, frame.label
        for i in range(number if short else SIMULATED):
            shown = i if short or i < 2 else number - SIMULATED + i
            tracer.instructions.append(Enter(loop, i, skipped))
            tracer.copies = outer * (skipped + 1) if i == 1 and skipped else outer
            frame.path = f"{path}.{statement.name}.{shown}" if path else f"{statement.name}.{shown}"
            frame.label = f"{label}.{statement.name}" if label else statement.name
            self.run(statement.body, frame)
        tracer.instructions.append(Leave(loop))
        tracer.copies, frame.path, frame.label = outer, path, label


@contextmanager
def located(frame: Frame, path: str, label: str) -> Iterator[None]:
    """Name what is made after the module it belongs to."""
    tracer = frame.tracer
    before = tracer.path, tracer.label
    tracer.path, tracer.label = path, label
    yield
    tracer.path, tracer.label = before


def tracer_path(place: tuple[str, str] | None, frame: Frame) -> str:
    """The module path of a call."""
    return place[0] if place else frame.path


def frame_modules(frame: Frame) -> dict[str, tuple[Module, Frame]]:
    """The modules that a block called from this frame may call."""
    return dict(frame.modules)


def _constant(value: Value, frame: Frame) -> Constant:
    """A block parameter: a size, a flag, or a word in quotes or one that is no symbol."""
    if isinstance(value, Scalar):
        if isinstance(value.value, bool):
            return value.value
        if isinstance(value.value, str) and value.value.isidentifier():
            known = frame.symbols.get(value.value)
            return value.value if known is None else known
    return size_of(value, frame)


def _plain(value: Any) -> object:
    """An argument with sizes as numbers."""
    if isinstance(value, Poly):
        constant = value.constant
        return sizes().number(value) if constant is None else constant
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value
