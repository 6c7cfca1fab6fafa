"""Short ways to ask the pipeline about a bundled model, or about YAML text."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from analyzer.analysis import Analysis, analyze
from analyzer.assemble import assemble
from analyzer.build.model import Model, read_model
from analyzer.cli import MODELS, find, main
from analyzer.evaluate import evaluate
from analyzer.functions import FUNCTIONS
from analyzer.gpus import read_gpus, select
from analyzer.polynomial import Poly, opened, symbol
from analyzer.render.data import to_dict
from analyzer.report import Report
from analyzer.run.settings import read_run

BUNDLED = sorted(path.stem for path in MODELS.glob("*.yaml"))


@cache
def model(config: str) -> Model:
    """A bundled model, or one in a file."""
    return read_model(*find(config))


def text_model(text: str, folder: Path) -> Model:
    """The model in YAML text."""
    path = folder / "case.yaml"
    path.write_text(text, encoding="utf-8")
    return read_model(path, "case.yaml")


def analysis(of: str | Model, run: Mapping[str, str] = {}, **symbols: int) -> Analysis:
    """A model traced and simulated with some symbols and run settings changed."""
    described = model(of) if isinstance(of, str) else of
    settings = read_run(described.run, run, has_loss=bool(described.loss))
    return analyze(described, {name: str(value) for name, value in symbols.items()}, settings)


def report(of: str | Model, run: Mapping[str, str] = {}, gpus: tuple[str, ...] | None = None, **symbols: int) -> dict[str, Any]:
    """The report as JSON has it; without GPUs unless some are named."""
    chosen = select(read_gpus(), gpus) if gpus is not None else ()
    return to_dict(assemble(analysis(of, run, **symbols), {name: str(value) for name, value in symbols.items()}, chosen))


@cache
def whole_report(name: str, mode: str) -> Report:
    """The report of a bundled model on every GPU, made once."""
    return assemble(analysis(name, {"mode": mode}), {}, select(read_gpus(), ()))


def peakform(*arguments: str) -> Result:
    """The command, run in this process."""
    return CliRunner().invoke(main, list(arguments))


def evaluated(formula: str, symbols: Mapping[str, int]) -> object:
    """What a formula of the report is, as a script that reads the report would evaluate it."""
    return eval(formula, {"__builtins__": {}} | FUNCTIONS, dict(symbols))


def polynomial(formula: str, *names: str) -> Poly:
    """A formula written out in a test, as a polynomial."""
    value = eval(formula, {"__builtins__": {}}, {name: symbol(name) for name in names})
    return value if isinstance(value, Poly) else Poly({(): value})


def expanded(form: Poly) -> Poly:
    """A closed form with its parentheses multiplied out, so that equal polynomials are equal."""
    return opened(form)


def at(form: Poly, **symbols: int) -> int:
    """A closed form's value."""
    return evaluate(form, symbols)
