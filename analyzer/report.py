"""The answer as plain values: every quantity as a closed form and as the number at the bound symbols."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from analyzer.compute import Floor
from analyzer.feasibility import Verdict
from analyzer.formula import text
from analyzer.polynomial import Poly
from analyzer.ratios import Ratios
from analyzer.replay import Replay
from analyzer.run.settings import Run
from analyzer.typesetting import unicode

if TYPE_CHECKING:
    from analyzer.host_report import Host

CATEGORIES = {  # of memory, as a reader is told them
    "parameters": "parameters", "buffers": "buffers", "gradients": "gradients", "optimizer": "optimizer state", "inputs": "inputs",
    "after_forward": "left by the forward", "kept_for_backward": "kept for backward",
}  # fmt: skip
OF_TRAINING = {  # settings that an inference has no use for
    "optimizer", "optimizer_form", "momentum", "nesterov", "weight_decay", "amsgrad", "centered", "exclude", "no_decay", "groups",
    "accumulation", "checkpoint", "use_reentrant", "clip_grad_norm", "clip_foreach", "ema", "zero_grad", "set_to_none",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Amount:
    """A closed form and its value."""

    form: Poly
    value: int

    @property
    def formula(self) -> str:
        """The closed form as Python evaluates it: `4*B*r**2*c**2`."""
        return text(self.form)

    @property
    def notation(self) -> str:
        """The closed form as a person writes it: `4·B·r²·c²`."""
        return unicode(self.form)


@dataclass(frozen=True, slots=True)
class ModuleRow:
    """A module with everything below it: how many parameters it holds."""

    path: str
    amount: Amount


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer of the forward pass: loops shown once, repeated calls counted."""

    path: str
    op: str
    calls: int
    shape: str
    output: Amount
    parameters: Amount


@dataclass(frozen=True, slots=True)
class Holding:
    """Memory held under one label, all iterations of loops together."""

    label: str
    kind: str
    amount: Amount


@dataclass(frozen=True, slots=True)
class Peak:
    """The moment of largest memory."""

    amount: Amount
    phase: str
    where: str
    path: str
    line: int
    regime: str
    alive: tuple[Holding, ...]
    temporaries: Amount


@dataclass(frozen=True, slots=True)
class Effort:
    """What a step computes and moves, by phase and in all, and the least time of it on each card."""

    flops: Mapping[str, Amount]
    dtypes: Mapping[str, Amount]  # FLOPs by the dtype that is multiplied
    moved: Mapping[str, Amount]  # bytes that kernels read and write
    floors: tuple[Floor, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the config: symbolic header row and one row of numbers per binding."""

    name: str
    symbols: tuple[str, ...]
    header: Mapping[str, str]
    rows: tuple[tuple[Mapping[str, int], Mapping[str, int]], ...]
    units: str = "bytes"
    warnings: tuple[str, ...] = ()  # rows left out, and why
    forms: Mapping[str, Poly] = field(default_factory=dict)  # the header as closed forms
    caption: str = ""
    label: str = ""
    order: bool = False  # whether the leading order of each column is shown
    by: str = "rows"  # whether a binding is a row, or a column with one row for each closed form


@dataclass(frozen=True, slots=True)
class Symbol:
    """A symbol with its value, definition and meaning."""

    name: str
    value: int
    definition: str
    doc: str


@dataclass(frozen=True, slots=True)
class Figures:
    """What one analysis says, module by module and category by category."""

    totals: Mapping[str, Amount]  # total, trainable, used
    modules: tuple[ModuleRow, ...]
    layers: tuple[LayerRow, ...]
    memory: Mapping[str, Amount]
    kept: tuple[Holding, ...]
    rule_of_thumb: Amount | None
    peaks: Mapping[str, Amount]
    effort: Effort


@dataclass(frozen=True, slots=True)
class Report(Figures):
    """Everything the user asked about one model in one setting."""

    model: str
    doc: str
    path: str
    symbols: tuple[Symbol, ...]
    run: Mapping[str, object]
    device: str
    peak: Peak
    inference: Peak | None
    largest_tensor: Holding
    valid_while: tuple[str, ...]  # every decision
    briefly: tuple[str, ...]  # those that imply all
    batch: str
    replay: Replay | None  # through the caching allocator, on a card without limit
    context: int  # bytes of the CUDA context on the device
    feasibility: tuple[Verdict, ...]
    tables: tuple[Table, ...] = ()
    warnings: tuple[str, ...] = field(default=())
    notes: tuple[str, ...] = ()  # what the figures leave out
    host: Host | None = None  # what `data:` describes
    ratios: Ratios | None = None  # of a Markdown report


def stated(run: Mapping[str, object]) -> dict[str, object]:
    """The run settings that matter to a reader: mode, precision, the optimizer of training, and those that differ from the default."""
    default, infers = asdict(Run()), run["mode"] == "infer"
    told = {key: value for key, value in run.items() if key in ("mode", "precision", "optimizer") or value != default[key]}
    return {key: value for key, value in told.items() if not (infers and key in OF_TRAINING)}
