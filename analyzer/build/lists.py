"""Python lists of tensors: one that a batch brings, or one that iterations of a loop append to.

    - list: keys             # keys = []
    - append: {keys: k}      # keys.append(k)
    - item: keys             # keys[i], i the iteration that is running
    - replace: {keys: k}     # keys[i] = k

A list holds its tensors, whoever else does; where a long loop is not run in full, it holds those of the iterations that are.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from analyzer.build.arguments import bound_names
from analyzer.build.frame import Frame
from analyzer.build.source import NAME, Statement, is_name
from analyzer.build.values import refuse, shown, tensor_of
from analyzer.document import Mapping, Scalar, Sequence
from analyzer.graph import Loops, Tensor
from analyzer.problems import Origin, nearest
from analyzer.references import References


@dataclass(slots=True, eq=False)
class Items:
    """The tensors of a list, each with the iterations in which it was appended: those of loops inside which the list was made left out."""

    origin: Origin
    around: Loops = ()  # the iterations in which it was made
    depth: int | None = None  # of the function that made it; None for one that the batch brought
    tensors: list[tuple[Loops, Tensor]] = field(default_factory=list)

    def running(self, loops: Loops) -> list[int]:
        """Which of its tensors belong to the iterations that are running."""
        return [place for place, (at, _) in enumerate(self.tensors) if set(at) <= set(loops)]

    def named(self, name: str, tracer: References) -> dict[str, Tensor]:
        """Its tensors as they are now, numbered: keys.0, keys.1."""
        return {f"{name}.{place}": tracer.latest(tensor) for place, (_, tensor) in enumerate(self.tensors)}

    def put(self, tracer: References, place: int, tensor: Tensor) -> None:
        """Another tensor in place of one, which is held no more."""
        at, old = self.tensors[place]
        self.tensors[place] = at, tracer.hold_in(self.depth, tensor)
        tracer.release_from(self.depth, old)


def execute(statement: Statement, frame: Frame) -> None:
    """Run a statement about lists. Raises InvalidConfig."""
    match statement.word:
        case "list":
            _make(statement, frame)
        case "item":
            _take(statement, frame)
        case _:
            _write(statement, frame)


def _make(statement: Statement, frame: Frame) -> None:
    value = statement.value
    for word in value.items if isinstance(value, Sequence) else (value,):
        if not isinstance(word, Scalar) or not isinstance(word.value, str) or not is_name(word.value):
            raise refuse(word.origin if word else statement.origin, "'list' names a new list", NAME)
        _check_unknown(word.value, word.origin, frame)
        frame.lists = {**frame.lists, word.value: Items(word.origin, frame.tracer.loops, frame.tracer.depth)}


def _check_unknown(name: str, origin: Origin, frame: Frame) -> None:
    if name in frame.variables or name in frame.symbols:
        what = "a tensor" if name in frame.variables else "a symbol"
        raise refuse(origin, f"'{name}' is {what} already, not a list")


def _take(statement: Statement, frame: Frame) -> None:
    """The running iteration's tensor is the result."""
    word = statement.value if statement.value is not None else statement.option("in")
    if not isinstance(word, Scalar):
        raise refuse(word.origin if word else statement.origin, "'item' takes the name of a list", "- item: {in: keys, as: key}")
    unknown = next((key for key in statement.options if key not in ("in", "as")), None)
    if unknown is not None:
        raise refuse(statement.place(unknown), f"item has no argument '{unknown}'", "- item: {in: keys, as: key}")
    found = _named(word, frame)
    tensor = frame.now(found.tensors[_place(found, word, frame)][1])
    frame.forget_previous()
    if isinstance(tensor, Tensor):
        frame.remember((frame.tracer.own(tensor),), bound_names(statement))


def _write(statement: Statement, frame: Frame) -> None:
    """`append` and `replace`: lists, and the tensor that each takes."""
    if not isinstance(statement.value, Mapping):
        origin = statement.value.origin if statement.value else statement.origin
        raise refuse(origin, f"'{statement.word}' needs a list and a tensor", f"- {statement.word}: {{keys: key}}")
    for key, word in statement.value.entries:
        if not isinstance(word, Scalar) or not isinstance(word.value, str):
            raise refuse(word.origin, f"'{statement.word}' cannot take {shown(word)}", "expected the name of a tensor")
        tracer, found, tensor = frame.tracer, _named(key, frame), tensor_of(word.value, word.origin, frame)
        if not isinstance(tensor, Tensor):
            continue
        if found.depth is None and (tracer.training or statement.word == "append"):
            hint = "a list that the forward fills begins with '- list: NAME'"
            told = "in training it is the same in every step" if tracer.training else "it has a tensor for every iteration already"
            raise refuse(key.origin, f"'{key.value}' is an input: {told}", hint)
        if statement.word == "append":
            found.tensors.append((tracer.loops[len(found.around) :], tracer.hold_in(found.depth, tensor)))
        else:
            found.put(tracer, _place(found, key, frame), tensor)


def _named(word: Scalar, frame: Frame) -> Items:
    name = str(word.value)
    if name in frame.lists:
        frame.used.add(name)
        return frame.lists[name]
    if name in frame.variables:
        raise refuse(word.origin, f"'{name}' is a tensor, not a list")
    raise refuse(word.origin, f"no list '{name}' here", nearest(name, frame.lists) or f"- list: {name} makes an empty one")


def _place(found: Items, word: Scalar, frame: Frame) -> int:
    """Where the running iteration's tensor is. Raises InvalidConfig unless there is one."""
    places = found.running(frame.tracer.loops)
    if len(places) == 1:
        return places[0]
    told = f"'{word.value}' has {len(places) or 'no'} tensor{'s' * (len(places) > 1)} for the iteration that is running"
    raise refuse(word.origin, told, "a list has one for each iteration of a loop: 'repeat' as often as it has tensors")
