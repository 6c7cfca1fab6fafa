"""How a block is divided among GPUs: what its `shard:` says of the modules it calls and of its symbols."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from collections.abc import Mapping as MappingOf
from typing import TYPE_CHECKING

from analyzer.build.frame import Constant, Frame
from analyzer.build.layouts import SCATTERED, SEQUENCE_PARALLEL, WHOLE
from analyzer.build.source import Block, Problems, Statement, as_mapping
from analyzer.build.values import refuse
from analyzer.document import Mapping, Scalar
from analyzer.ops.collectives import CLASSES, SEQUENCE
from analyzer.ops.tensor_parallel import STYLES
from analyzer.polynomial import Poly
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem, nearest
from analyzer.run.optimizer import MOVES
from analyzer.sizes import sizes
from analyzer.tensors import DIVIDED as PART

if TYPE_CHECKING:
    from analyzer.run.settings import Run
    from analyzer.tracing import Tracer

DIVIDED = "divided"  # of a symbol: a rank has a part of it
WITH_SEQUENCE = (SEQUENCE_PARALLEL, WHOLE, SCATTERED)  # what means something with sequence parallel alone
SHARD = (*STYLES, *WITH_SEQUENCE, DIVIDED)
LINEAR = "expected a Linear or an Embedding"


def read_shard(block: Mapping, problems: Problems) -> dict[str, Scalar]:
    """What a block says of each of its modules and symbols; whether there are such is known when it is called."""
    mapping = as_mapping(block.get("shard"), "shard", problems)
    result = {}
    for key, value in mapping.entries if mapping else ():
        if isinstance(value, Scalar) and value.value in SHARD:
            result[str(key.value)] = Scalar(value.value, key.origin)
        else:
            message = "a module is sharded colwise or rowwise, a symbol is divided"
            problems.add(value.origin, message, f"one of: {', '.join(SHARD)}")
    return result


def misnamed(block: Block) -> InvalidConfig | None:
    """A name under `shard` that the block has nothing of such a kind of, if there is one."""
    modules, symbols = {*block.modules, *_names(block.layers)}, [name for name, _ in block.symbols]
    for name, told in block.shard.items():
        kinds: dict[object, tuple[str, Collection[str]]] = {
            DIVIDED: ("symbol", symbols), WHOLE: ("input", block.inputs), SCATTERED: ("input or module", {*block.inputs, *modules}),
        }  # fmt: skip
        what, known = kinds.get(told.value, ("module", modules))
        if name not in known:
            return refuse(told.origin, f"block '{block.name}' has no {what} '{name}' to shard", nearest(name, known))
    return None


def _names(statements: tuple[Statement, ...]) -> Iterator[str]:
    for statement in statements:
        yield statement.name
        yield from _names(statement.body)


def styles(block: Block, tracer: Tracer) -> MappingOf[str, str]:
    """How each module of a block is divided, where GPUs share it. Raises InvalidConfig."""
    error = misnamed(block) if block.shard else None
    if error:
        raise error
    if tracer.ranks == 0:
        return {}
    inputs = {name for name in block.inputs if name in block.shard and block.shard[name].value in WITH_SEQUENCE}
    told = {name: str(word.value) for name, word in block.shard.items() if name not in inputs}
    return told if tracer.sequence_parallel else {name: word for name, word in told.items() if word not in WITH_SEQUENCE}


def style_of(statement: Statement, home: Frame, place: tuple[str, str]) -> str:
    """How the module that a statement calls is divided, or nothing, as where its weight is a whole one of another module.

    `place` is its path and label. Raises InvalidConfig where it cannot be divided.
    """
    style = home.styles.get(statement.name, "")
    if style not in STYLES:
        return style
    if statement.word not in STYLES[style]:
        raise refuse(statement.origin, f"'{statement.name}' is sharded {style}, and {statement.word} cannot be", LINEAR)
    path, label = (f"{name}.weight" for name in place)
    if {path, label} & home.tracer.ties.keys():
        standing = home.tracer.standing(path, label)
        if standing is None or standing.storage.placement != PART:
            return ""
    home.tracer.divided = True
    return style


def style_of_block(statement: Statement, home: Frame) -> str:
    """How the block that a statement calls is divided, or nothing. Raises InvalidConfig where it cannot be."""
    style = home.styles.get(statement.name, "")
    if style in STYLES:
        message = f"'{statement.name}' is sharded {style}, and '{statement.word}' is a block, which cannot be"
        raise refuse(statement.origin, message, f"{LINEAR}: PyTorch divides no other layers, such as a Conv1D of transformers")
    return style


def divided(block: Block, symbols: dict[str, Constant], tracer: Tracer) -> dict[str, Constant]:
    """A block's symbols as a rank has them. Raises InvalidConfig where the ranks cannot have equal parts."""
    if tracer.ranks == 0:
        return symbols
    for name in (name for name, told in block.shard.items() if told.value == DIVIDED):
        size, ranks = symbols.get(name), sizes().number(tracer.ranks)
        if not isinstance(size, Poly):
            continue
        if not sizes().demand(size % tracer.ranks, "==", 0):
            message = f"{sizes().number(size)} {name} of block '{block.name}' cannot be divided among {ranks} ranks"
            raise refuse(tracer.origin, message, f"run.ranks has to divide {name}")
        symbols[name] = size / tracer.ranks
    return symbols


def undivided(written: MappingOf[str, Scalar], run: Run, tracer: Tracer) -> list[Problem]:
    """Problems with GPUs that are to share a model of which nothing is divided as told."""
    if run.parallel != "tensor":
        return []
    layouts = tracer.layouts.values()
    if not tracer.divided:
        hint = "shard: {up: colwise, down: rowwise} in a block, or run.parallel=fsdp"
        message = "run.parallel=tensor divides nothing: no block of this model says under 'shard' how"
        return [Problem(_told(written, "parallel"), message, hint)]
    if run.sequence_parallel and SEQUENCE not in layouts:
        message = "run.sequence_parallel divides nothing: no layer is rowwise, and nothing scattered"
        return [Problem(_told(written, "sequence_parallel"), message, "run.sequence_parallel=false")]
    if run.loss_parallel and CLASSES not in layouts:
        message = "run.loss_parallel divides nothing: no Linear is colwise_gather_output, or its weight is tied to a whole one"
        return [Problem(_told(written, "loss_parallel"), message, "run.loss_parallel=false")]
    return []


def unmoved(written: MappingOf[str, Scalar], run: Run, tracer: Tracer) -> list[Problem]:
    """The problem with an optimizer that takes gradients which lie otherwise over the GPUs than their parameters, where it is not known."""
    changed = run.momentum or (run.weight_decay and run.optimizer != "AdamW")
    if not tracer.moved or run.mode != "train" or (not changed and (run.optimizer, run.form) in MOVES):
        return []
    message = f"{run.optimizer} on gradients of rowwise embeddings or sequence_parallel modules is not simulated"
    return [Problem(_told(written, "optimizer"), message, "run.optimizer=AdamW, Adam, or SGD without momentum")]


def _told(written: MappingOf[str, Scalar], key: str) -> Origin:
    return written[key].origin if key in written else Origin(COMMAND_LINE)
