"""Are the committed figures those that this machine measures? What `.ci/nightly` runs.

    NULLCUDA_MEM=2000 validation/nullcuda/run.sh -m validation.reproduce FOLDER [--all | --part N] [FILE]...

Rows of validation/results are measured again: of the table, of third-party classes, and of those for which `setup extra` is needed,
where that was done. FILE leaves out the others. Without --all it is every tenth row, by default another tenth each day. What was
measured goes to FOLDER row by row, and what is there already is not measured again.

Exit status: 0 all is reproduced, 1 a figure is not what is committed, or a prediction is off that was not.
"""

from __future__ import annotations

import argparse
import datetime
import multiprocessing
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

from validation.rows import RESULTS, Results, Row, read, write
from validation.third_party import WRITTEN, WRITTEN_OF_GENES, WRITTEN_OF_TIMM

PARTS = 10
NEEDS: Mapping[Path, tuple[str, ...]] = {
    RESULTS: (), WRITTEN: ("peft", "torchvision"), WRITTEN_OF_TIMM: ("timm",), WRITTEN_OF_GENES: ("scvi", "scgpt", "enformer_pytorch"),
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure a part of every file, or all, and say what is not reproduced."""
    parser = argparse.ArgumentParser(prog="reproduce", description="Measure committed figures again.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where rows go, and are taken from when it is run again")
    parser.add_argument("files", nargs="*", metavar="FILE", help=f"of {', '.join(path.name for path in NEEDS)}; all without one")
    parser.add_argument("--all", action="store_true", help="every row")
    parser.add_argument("--part", type=int, default=datetime.date.today().toordinal() % PARTS, help="which tenth; by default the day's")
    given = parser.parse_intermixed_args(arguments)
    unknown = set(given.files) - {path.name for path in NEEDS}
    if unknown or not 0 <= given.part < PARTS:
        parser.error(f"no such file: {', '.join(sorted(unknown))}" if unknown else f"parts are 0 to {PARTS - 1}")
    warnings.filterwarnings("ignore")
    wrong = 0
    for path, packages in NEEDS.items():
        if given.files and path.name not in given.files:
            continue
        if missing := [package for package in packages if find_spec(package) is None]:
            print(f"{path.name}: left out, there is no {', '.join(missing)} (validation/nullcuda/run.sh setup extra)")
            continue
        wrong += _file(path, given.folder / path.name, None if given.all else given.part)
    return 1 if wrong else 0


def _file(committed: Path, output: Path, part: int | None) -> int:
    """Measure rows of a file, and how many are not reproduced."""
    known = read(committed)
    rows = known.rows if part is None else known.rows[part::PARTS]
    wrong = 0
    for number, (row, again) in enumerate(_measured(committed, rows, known, output), start=1):
        told = differences(row, again)
        wrong += bool(told)
        print(f"{committed.name} {number}/{len(rows)}  {' '.join(row.key)}: {'; '.join(told) or 'reproduced'}", flush=True)
    print(f"{committed.name}: {len(rows) - wrong} of {len(rows)} rows reproduced ({len(known.rows)} are committed)", flush=True)
    return wrong


def _measured(committed: Path, rows: Sequence[Row], known: Results, output: Path) -> Iterator[tuple[Row, Row]]:
    """Each row with what this machine says. Each package has its own process: what it leaves on the device is no other's."""
    found = {row.key: row for row in read(output).rows} if output.exists() else {}
    for package, own in groupby(rows, key=partial(_package, committed)):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            for row in own:
                if row.key not in found:
                    found[row.key], torch = process.submit(_again, row, bool(package)).result()
                    write(Results(torch, datetime.date.today().isoformat(), known.device, tuple(found.values()), known.packages), output)
                yield row, found[row.key]


def _package(committed: Path, row: Row) -> str:
    """The package whose class a row is of; none for the table's, which are rendered."""
    from validation.third_party_models import EVERY

    return "" if committed == RESULTS else EVERY[row.model].package


def _again(row: Row, of_class: bool) -> tuple[Row, str]:
    """A row measured, and torch's version."""
    from validation.row import device_of_this_machine, measured_row, torch_version
    from validation.third_party import class_row

    warnings.filterwarnings("ignore")
    return (class_row if of_class else measured_row)(*row.key, device_of_this_machine()), torch_version()


def differences(committed: Row, again: Row) -> list[str]:
    """What is not as committed: measured figures, and predictions that were right."""
    measured = [
        f"{name} {again.measured.get(name, 0):,}, committed {value:,}"
        for name, value in committed.measured.items() if again.measured.get(name) != value
    ]  # fmt: skip
    predicted = [
        f"{name} is predicted {again.differing[name]:,} for {again.measured[name]:,}"
        for name in again.differing if name in committed.measured and name not in committed.differing
    ]  # fmt: skip
    return measured or predicted


if __name__ == "__main__":
    sys.exit(main())
