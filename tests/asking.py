"""Short ways to ask the pipeline about a bundled model, or about YAML text."""

import ast
from collections.abc import Iterator, Mapping
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
from analyzer.memory import categories, largest
from analyzer.parameters import by_module
from analyzer.polynomial import Poly, opened, poly, symbol
from analyzer.render.data import to_dict
from analyzer.report import Report
from analyzer.run.settings import read_run


def _described(path: Path) -> str:
    """What a model's file says of its layers: everything after its symbols."""
    return path.read_text(encoding="utf-8").partition("\ninputs:")[2]


FILES = sorted(MODELS.glob("*.yaml"), key=lambda path: path.stem, reverse=True)
BUNDLED = sorted({_described(path): path.stem for path in FILES}.values())  # one of each description


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


def amounts(value: Any) -> Iterator[tuple[str, float]]:
    """Every formula in a report's JSON with the number beside it."""
    if isinstance(value, dict):
        number = value.get("bytes", value.get("value"))
        if "formula" in value and number is not None:
            yield value["formula"], number
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from amounts(item)


def polynomial(formula: str) -> Poly:
    """A formula written out in a test, as a polynomial."""
    names = {node.id for node in ast.walk(ast.parse(formula)) if isinstance(node, ast.Name)}
    return poly(eval(formula, {"__builtins__": {}}, {name: symbol(name) for name in names}))


def coefficient(form: Poly, name: str, power: int) -> Poly:
    """What multiplies a power of a symbol in a closed form, its parentheses multiplied out."""
    terms = opened(form).terms.items()
    return Poly({tuple(f for f in m if f[0] != name): c for m, c in terms if dict(m).get(name, 0) == power})


def category(name: str, of: Analysis) -> Poly:
    """One category of memory, its parentheses multiplied out."""
    return opened(categories(of)[name])


def largest_tensor(of: Analysis) -> tuple[Poly, int]:
    """The largest allocation of a step, as a closed form and as bytes."""
    life = largest(of, lambda form: evaluate(form, of.symbols.values))
    return opened(life.size), evaluate(life.size, of.symbols.values)


def parameters_of(path: str, of: Analysis) -> Poly:
    """Parameters of a module and of everything below it."""
    return opened(by_module(of.graph)[path])
