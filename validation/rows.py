"""The rows of the table of measurements: which models, sizes and settings there are, and what was measured of each. Without torch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from analyzer.analysis import Analysis, analyze
from analyzer.build.model import read_model
from analyzer.commands.arguments import find
from analyzer.evaluate import evaluate
from analyzer.replay import Replay, replay
from analyzer.run.settings import read_run
from analyzer.sizes import Device
from analyzer.tape import record

HERE = Path(__file__).parent
MODELS = HERE / "models"
PUBLISHED = HERE / "published"
RESULTS = HERE / "results" / "null-cuda-sm80.json"
SETTINGS = (
    "mode=train precision=fp32 optimizer=AdamW", "mode=train precision=fp32 optimizer=SGD",
    "mode=train precision=amp-bf16 optimizer=AdamW", "mode=train precision=amp-bf16 optimizer=SGD", "mode=infer precision=fp32",
)  # fmt: skip
INFERENCE = ("mode=infer precision=fp32", "mode=infer precision=bf16")  # of a model without a loss
NO_AUTOCAST = ("cnn1d", "cnn3d", "cnn3d-age", "cnn3d-pool", "unet_strided", "vae")  # refuse it: all in bf16 instead
FULL_PRECISION = ("cpa-adversaries",)  # differentiates gradients, which half precision refuses
PEAKS = ("inference", "forward", "backward", "step")
OPTIONAL = ("first", "config", "device", "saved")
ALLOCATOR = ("allocated", "reserved")


@dataclass(frozen=True, slots=True)
class Row:
    """One model at one size in one setting: measured figures, and predicted ones where they are others."""

    model: str
    symbols: str
    run: str
    measured: Mapping[str, int]
    differing: Mapping[str, int]
    first: str = ""  # the op at which prediction and measurement first part
    config: str = ""  # the first digits of the SHA-256 of the file
    device: int | None = None  # bytes of the card that the process had in use; None without a card
    saved: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # line of the config: kept for backward, predicted and measured

    def predicted(self, name: str) -> int:
        """A figure as it was predicted."""
        return self.differing.get(name, self.measured[name])

    @property
    def key(self) -> tuple[str, str, str]:
        """What was measured."""
        return self.model, self.symbols, self.run


@dataclass(frozen=True, slots=True)
class Results:
    """All rows, with what they were measured on."""

    torch: str
    date: str
    device: Device
    rows: tuple[Row, ...]
    packages: Mapping[str, str] = field(default_factory=dict)  # versions of what was run beside torch
    environment: Mapping[str, str] = field(default_factory=dict)  # card, driver, CUDA, cuDNN, torch

    @property
    def where(self) -> str:
        """The device that it was measured on, and what it is."""
        null = self.environment.get("kind", "nullcuda") == "nullcuda"
        driver = self.environment.get("driver")
        return f"{self.device.name}{' (nullcuda: no kernels run)' if null else ''}{f', driver {driver}' if driver else ''}"


def cases(only: Iterable[str] = ()) -> Iterator[tuple[str, str, str]]:
    """Model, symbols and run settings of every row that there should be."""
    sizes = _sizes()
    wanted = tuple(only) or tuple(sizes)
    return ((model, symbols, run) for model in wanted for symbols in sizes[model] for run in _settings(model))


@cache
def _sizes() -> Mapping[str, list[str]]:
    """The symbols of the sizes of each model."""
    found: dict[str, list[str]] = yaml.safe_load((HERE / "sizes.yaml").read_text(encoding="utf-8"))
    return found


@cache
def _settings(model: str) -> tuple[str, ...]:
    """The settings of a model: AdamW, which has no momentum, without the config's."""
    config: Mapping[str, Any] = yaml.safe_load(config_of(model).read_text(encoding="utf-8"))
    if "loss" not in config:
        return INFERENCE
    adam = "AdamW momentum=false" if config.get("run", {}).get("momentum") else "AdamW"
    half = "bf16" if model in NO_AUTOCAST else "amp-bf16"
    runs = (run for run in SETTINGS if "amp" not in run or model not in FULL_PRECISION)
    return tuple(run.replace("amp-bf16", half).replace("AdamW", adam) for run in runs)


def config_of(model: str) -> Path:
    """The file of a model: one of the table or of validation/published, a bundled one, or a path. Raises InvalidConfig."""
    own = (folder / f"{model}.yaml" for folder in (MODELS, PUBLISHED))
    return next((path for path in own if path.is_file()), None) or find(model)[0]


def analysis_of(model: str, symbols: str, run: str, device: Device) -> Analysis:
    """A row's model analyzed. Raises InvalidConfig."""
    read = read_model(config_of(model))
    return analyze(read, _pairs(symbols), read_run(read.run, _pairs(run), has_loss=bool(read.loss)), device)


def _pairs(text: str) -> dict[str, str]:
    return {name: value for name, _, value in (word.partition("=") for word in text.split())}


def allocator_figures(analysis: Analysis) -> dict[str, int]:
    """What the replay says of the caching allocator's own counters."""
    tape = record(analysis)
    outcome = replay(tape, [evaluate(form, analysis.symbols.values) for form in tape.forms], analysis.device.capability, None, analysis.run)
    assert isinstance(outcome, Replay)  # nothing fails without a limit
    phases = {f"allocated in {phase}": peak for phase, peak in outcome.phases.items()}
    return {"allocated": outcome.allocated, "reserved": outcome.reserved, **phases}


def predicted(row: Row, device: Device, *, allocator: bool = True) -> dict[str, int]:
    """What this code predicts of a row's figures: those that are not as measured, the allocator's only where asked for."""
    from validation.figures import predicted as figures

    analysis = analysis_of(row.model, row.symbols, row.run, device)
    found = {**figures(analysis), **(allocator_figures(analysis) if allocator else {})}
    return {name: value for name, value in found.items() if value != row.measured.get(name, value)}


def predicted_again(results: Results) -> Results:
    """The rows with the predictions of this code. Where a row has become equal, it has no first difference."""
    rows = []
    for row in results.rows:
        differing = predicted(row, results.device)
        rows.append(replace(row, differing=differing, first=row.first if differing else ""))
    return replace(results, rows=tuple(rows))


def read(path: Path = RESULTS) -> Results:
    """Results from a file."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    rows = tuple(Row(**row) for row in found["rows"])
    return Results(found["torch"], found["date"], Device(**found["device"]), rows, found.get("packages", {}), found.get("environment", {}))


def write(results: Results, path: Path = RESULTS) -> None:
    """Results to a file, a row a line; whoever is stopped meanwhile leaves what was there."""
    rows = ",\n".join(json.dumps(_without_empty(asdict(row)), separators=(",", ":")) for row in results.rows)
    packages = {"packages": dict(results.packages)} if results.packages else {}
    made_on = {"environment": dict(results.environment)} if results.environment else {}
    head = json.dumps({"torch": results.torch, "date": results.date, "device": asdict(results.device), **packages, **made_on})
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(f'{head[:-1]}, "rows": [\n{rows}\n]}}\n', encoding="utf-8")
    part.replace(path)


def _without_empty(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what it need not say."""
    return {name: value for name, value in row.items() if value or name not in OPTIONAL}
