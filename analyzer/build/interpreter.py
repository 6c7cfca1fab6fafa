"""Executes statements: ops and blocks are called, names bound, loops run for the few iterations that stand for all."""

from __future__ import annotations

from analyzer.build import lists
from analyzer.build.arguments import bound_names, counted
from analyzer.build.arithmetic import assign
from analyzer.build.calls import Calls
from analyzer.build.frame import POISON, Frame
from analyzer.build.loops import Count, beginnings, count_of
from analyzer.build.source import LISTS, NAME, Problems, Statement, TooMany, is_name
from analyzer.build.values import refuse, shown, tensor_of
from analyzer.document import Mapping, Scalar, Sequence, Value
from analyzer.evaluate import NotWhole
from analyzer.graph import Enter, Leave, Tensor
from analyzer.ops import OPS
from analyzer.problems import InvalidConfig, Problem, nearest
from analyzer.sizes import sizes

FLAGS_FOR_MORE = ("states", "need_weights", "return_indices")
MAX_STATEMENTS, MAX_UNROLLED, MAX_LOOPS = 6_000, 30_000, 4


class Interpreter:
    """Runs statements in frames; problems are collected, and what depends on a failed statement is skipped."""

    def __init__(self, problems: Problems, *, simulated: int, unroll: bool = False) -> None:
        self.problems, self.simulated, self.unroll = problems, simulated, unroll
        self.calls = Calls(problems, self.run)
        self.limit = MAX_UNROLLED if unroll else MAX_STATEMENTS
        self.count = self.loops = self.depth = 0

    def run(self, statements: tuple[Statement, ...], frame: Frame) -> None:
        """Execute a list of statements."""
        if statements:
            self._expect(len(statements), statements[0])
        self.count += len(statements)
        for statement in statements:
            before = len(self.problems.found)
            try:
                self._execute(statement, frame)
            except TooMany:
                raise
            except InvalidConfig as error:
                self._found(error.problems)
            except (NotWhole, ZeroDivisionError) as error:
                self._found((Problem(statement.origin, f"{statement.word}: {error}"),))
            if len(self.problems.found) > before or not statement.word:
                self._poison(statement, frame)

    def _found(self, problems: tuple[Problem, ...]) -> None:
        if not self.problems.found:
            self.problems.because = sizes().broken
        self.problems.extend(problems)

    def _expect(self, more: int, statement: Statement) -> None:
        """Go on only if so many more statements are within the limit. Raises TooMany."""
        if self.count + more > self.limit:
            raise TooMany(Problem(statement.origin, f"the model runs more than {self.limit:,} statements"))

    def _poison(self, statement: Statement, frame: Frame) -> None:
        try:
            names = bound_names(statement)
        except InvalidConfig:
            names = ()
        frame.forget_previous()
        if statement.word == "let" and isinstance(statement.value, Mapping):
            names = (*names, *(str(key.value) for key, _ in statement.value.entries if is_name(str(key.value))))
        for name in names:
            frame.assign(name, POISON, owned=True)
        frame.previous = (POISON,)

    def _execute(self, statement: Statement, frame: Frame) -> None:
        tracer = frame.tracer
        tracer.origin = statement.origin
        match statement.word:
            case "":
                return
            case "repeat":
                self._repeat(statement, frame)
            case "let":
                assign(statement, frame)
            case "no_grad":
                before, tracer.grad = tracer.grad, False
                self.run(statement.body, frame)
                tracer.grad = before
            case "no_autocast":
                dtype, tracer.autocast = tracer.autocast, ""
                self.run(statement.body, frame)
                tracer.autocast = dtype
            case "as":
                self._name_previous(statement, frame)
            case "del":
                self._delete(statement, frame)
            case "retain":
                self._retain(statement, frame)
            case word if word in LISTS:
                lists.execute(statement, frame)
            case _:
                results = self.calls.call(statement, frame)
                names = bound_names(statement)
                if names and len(names) != len(results) and POISON not in results:
                    given = statement.option("as")
                    origin = given.origin if given else statement.origin
                    message = f"{statement.word} returns {counted(len(results), 'value')}, not {len(names)}"
                    raise refuse(origin, message, _flag_for_more(statement.word) if len(names) > len(results) else "")
                frame.remember(results if POISON not in results else (POISON,) * max(1, len(names)), names)

    def _name_previous(self, statement: Statement, frame: Frame) -> None:
        value = statement.value
        if not isinstance(value, Scalar) or not isinstance(value.value, str) or not is_name(value.value):
            raise refuse(value.origin if value else statement.origin, f"'as' cannot be {shown(value)}", NAME)
        if len(frame.previous) != 1:
            raise refuse(statement.origin, f"'as' names one result, and {counted(len(frame.previous), 'result')} came before")
        result, owned = frame.previous[0], frame.previous_owned
        frame.previous_owned = False
        frame.assign(value.value, result, owned=owned)

    def _delete(self, statement: Statement, frame: Frame) -> None:
        items = statement.value.items if isinstance(statement.value, Sequence) else (statement.value,)
        frame.forget_previous()
        for item in items:
            name = str(item.value) if isinstance(item, Scalar) else ""
            if name not in frame.variables:
                origin = item.origin if item else statement.origin
                raise refuse(origin, f"'{name}' is not a variable here", nearest(name, frame.variables))
            value = frame.variables.pop(name)
            if isinstance(value, Tensor):
                frame.tracer.release(value)

    def _retain(self, statement: Statement, frame: Frame) -> None:
        """An attribute of the model takes a value and holds it until the next forward replaces it."""
        value = statement.value
        if not isinstance(value, Scalar) or not isinstance(value.value, str):
            raise refuse(value.origin if value else statement.origin, f"'retain' cannot be {shown(value)}", "expected the name of a tensor")
        tensor = tensor_of(value.value, value.origin, frame)
        if isinstance(tensor, Tensor):
            frame.tracer.bind(f"{frame.path}.{value.value}", tensor)

    def _repeat(self, statement: Statement, frame: Frame) -> None:
        """Run a loop: all iterations when they are few, else `simulated` of them, half the first ones and half the last."""
        if statement.value is None:
            raise refuse(statement.origin, "repeat needs a count")
        tracer, count = frame.tracer, self.count_of(statement.value, frame)
        if self.unroll:
            self._expect(count.number * len(statement.body), statement)
        if self.depth >= MAX_LOOPS:
            raise refuse(statement.origin, f"more than {MAX_LOOPS} loops inside each other")
        path = f"{frame.path}.{statement.name}" if frame.path else statement.name
        if not self.depth:
            tracer.repeats.setdefault(path, count.size)
        cuts = () if self.depth else beginnings(path, count, tracer.sections.begins)
        if cuts and frame.lists:
            raise refuse(statement.origin, "a loop that goes through lists is not divided into stages of a pipeline")
        self.depth += 1
        for first, part in count.parts(cuts, tracer.sections.wanted - tracer.sections.running, self.simulated, unroll=self.unroll):
            if first in cuts:
                tracer.sections.enter(f"{path}.{first}", tracer.instructions)
            self._iterate(statement, frame, first, part)
        self.depth -= 1

    def _iterate(self, statement: Statement, frame: Frame, first: int, count: Count) -> None:
        """Run iterations of a loop from the first one on."""
        self.loops += 1
        tracer = frame.tracer
        outer, around, path, label = tracer.copies, tracer.loops, frame.path, frame.label
        listed = frame.lists and count.name not in dict(around)  # loops that may go through the same lists are one to the simulation
        loop = count.name if listed else f"loop{self.loops}"
        for i, number, stands_for in count.iterations():
            tracer.instructions.append(Enter(loop, i, count.skipped))
            tracer.copies = outer * stands_for
            tracer.loops = (*around, (loop, i))
            frame.path = f"{path}.{statement.name}.{first + number}" if path else f"{statement.name}.{first + number}"
            frame.label = f"{label}.{statement.name}" if label else statement.name
            self.run(statement.body, frame)
        tracer.instructions.append(Leave(loop))
        tracer.copies, tracer.loops, frame.path, frame.label = outer, around, path, label

    def count_of(self, value: Value, frame: Frame) -> Count:
        """How often something is repeated. Raises InvalidConfig."""
        return count_of(value, frame, simulated=self.simulated, unroll=self.unroll)


def _flag_for_more(word: str) -> str:
    """Which argument of an op makes it return more, if one does."""
    arguments = [argument.name for argument in OPS[word].arguments] if word in OPS else []
    return next((f"{flag}: true gives more" for flag in FLAGS_FOR_MORE if flag in arguments), "")
