"""Configs beside the classes that they describe: what is predicted of ours, and what PyTorch allocates for theirs.

What `python -m validation zoo` does.

Exit status: 0 all figures equal, 1 not, 2 a case is refused.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from analyzer.problems import InvalidConfig
from analyzer.sizes import Device
from validation.rows import HERE, Results, Row, read, write
from validation.third_party_models import EVERY, cases

WRITTEN = HERE / "results" / "third-party.json"
WRITTEN_OF_GENES = HERE / "results" / "genes.json"  # of packages with many dependencies
WRITTEN_OF_TIMM = HERE / "results" / "timm.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure third-party classes and print the comparison."""
    parser = argparse.ArgumentParser(prog="third_party", description="Configs beside the third-party classes that they describe.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="bundled models; SYMBOL=VALUE and run.KEY=VALUE make it one case")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the rows, the file's others stay")
    parser.add_argument("--list", action="store_true", help="list the models and their cases")
    given = parser.parse_args(arguments)
    warnings.filterwarnings("ignore")
    names = [name for name in given.names if "=" not in name]
    unknown = [name for name in names if name not in EVERY]
    if unknown:
        parser.error(f"no third-party class for {', '.join(unknown)}; there is one for {', '.join(EVERY)}")
    if given.list:
        print("\n".join(f"{model}  {symbols}  {run}" for model, symbols, run in cases(names)))
        return 0
    if len(names) < len(given.names):
        return _one(names, [word for word in given.names if "=" in word], parser)
    return _all(names, given.output)


def _one(names: Sequence[str], settings: Sequence[str], parser: argparse.ArgumentParser) -> int:
    """One case with its allocations."""
    from validation.measure_graph import analysis_of, comparison_lines, difference_lines, headline
    from validation.third_party_program import third_party_compared

    if len(names) != 1:
        parser.error("settings belong to one model")
    try:
        analysis = analysis_of(EVERY[names[0]].config or names[0], settings)
    except InvalidConfig as error:
        print(error, file=sys.stderr)
        return 2
    comparison = third_party_compared(EVERY[names[0]], analysis)
    print("\n".join([headline(analysis), *comparison_lines(comparison), *difference_lines(comparison)]))
    return 0 if comparison.agrees else 1


def _all(names: Sequence[str], output: Path | None) -> int:
    """The cases of some models, or of all: what differs, on paper where asked for."""
    from validation.row import device_of_this_machine, today, torch_version
    from validation.third_party_program import versions

    device, found, started = device_of_this_machine(), list[Row](), time.monotonic()
    for model, symbols, run in cases(names):
        row = class_row(model, symbols, run, device)
        found.append(row)
        told = ", ".join(f"{n} {row.predicted(n):,} for {row.measured[n]:,}" for n in row.differing) or "equal"
        print(f"{time.monotonic() - started:4.0f} s  {model} {symbols} {run}: {told}{f' (first: {row.first})' if row.first else ''}")
    if output:
        kept = {row.key: row for row in read(output).rows} if output.exists() else {}
        merged = {**kept, **{row.key: row for row in found}}
        rows = tuple(merged[case] for case in cases(EVERY) if case in merged)
        write(Results(torch_version(), today(), device, rows, versions(EVERY[row.model] for row in rows)), output)
    return 1 if any(set(row.differing) - {"allocated", "reserved"} for row in found) else 0


def class_row(model: str, symbols: str, run: str, on: Device) -> Row:
    """Run a class on CUDA, and what was measured beside what is predicted of its config."""
    from validation.row import row_of
    from validation.third_party_program import third_party_compared

    kind = EVERY[model]
    return replace(row_of(kind.config or model, symbols, run, on, partial(third_party_compared, kind)), model=model)


if __name__ == "__main__":
    sys.exit(main())
