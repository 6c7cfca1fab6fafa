"""The table of measurements: models of the kinds that people run, three sizes each, predicted beside measured.

    validation/nullcuda/run.sh -m validation.table [--only NAME]... [-o FILE]     # measures, and writes the rows
    python -m validation.table --predict [-o FILE]                                # today's predictions beside what was measured
    python -m validation.table --summary [-o FILE]                                # docs/accuracy.md from them, without torch

With --only the file's other rows stay as they are. Exit status of a measurement: 0 unless a case could not be measured.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from validation.rows import RESULTS, Results, Row, cases, predicted, read, write


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, or summarize what was measured."""
    parser = argparse.ArgumentParser(prog="table", description="Predicted beside measured, for every model of the table.")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="measure this model only")
    parser.add_argument("--summary", action="store_true", help="print the Markdown summary of the results")
    parser.add_argument("--predict", action="store_true", help="predict again, without CUDA, and keep what was measured")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS, metavar="FILE")
    given = parser.parse_args(arguments)
    if given.summary:
        from validation.accuracy import summary

        print(summary(read(given.output)))
        return 0
    if given.predict:
        write(_predicted_again(read(given.output)), given.output)
        return 0
    return _measure(given.only, given.output)


def _predicted_again(results: Results) -> Results:
    """The rows with the predictions of this code. Where a row has become equal, it has no first difference."""
    rows = []
    for row in results.rows:
        differing = predicted(row, results.device)
        rows.append(replace(row, differing=differing, first=row.first if differing else ""))
    return replace(results, rows=tuple(rows))


def _measure(only: Sequence[str], path: Path) -> int:
    from validation.row import device_of_this_machine, measured_row, today, torch_version

    device = device_of_this_machine()
    wanted, found, failed = list(cases(only)), dict[tuple[str, str, str], Row](), 0
    started = time.monotonic()
    for done, case in enumerate(wanted, start=1):
        try:
            row = found[case] = measured_row(*case, device)
            outcome = ", ".join(row.differing) or "equal"
        except Exception as error:  # one case of hundreds: told, counted, and the rest goes on
            failed += 1
            outcome = f"failed: {type(error).__name__}: {error}"
        print(f"{done}/{len(wanted)} {time.monotonic() - started:.0f} s  {' '.join(case)}: {outcome}", file=sys.stderr)
    kept = {row.key: row for row in read(path).rows} if only and path.exists() else {}
    merged = {**kept, **found}
    ordered = [merged[case] for case in cases() if case in merged]
    write(Results(torch_version(), today(), device, tuple(ordered)), path)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
