"""Rows of a sweep into a file, CSV or Parquet by its name, as they come."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem
from analyzer.sweep.table import Part, missing

Write = Callable[[Part], None]
SUFFIXES = {".csv": "CSV", ".parquet": "Parquet", ".pq": "Parquet"}


@contextmanager
def writer(path: Path) -> Iterator[Write]:
    """Takes the parts of a sweep one after the other. Raises InvalidConfig for a name that says no format, or no such place."""
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        problem = Problem(Origin(COMMAND_LINE), f"cannot tell what to write into '{path}'", "a name that ends in .csv or .parquet")
        raise InvalidConfig(problem)
    try:
        with _csv(path) if kind == "CSV" else _parquet(path) as write:
            yield write
    except OSError as error:
        raise InvalidConfig(Problem(Origin(str(path)), f"cannot write: {error.strerror or error}")) from None


@contextmanager
def _csv(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        headed = False

        def write(part: Part) -> None:
            nonlocal headed
            columns = {name: ["" if v < 0 else v for v in values.tolist()] for name, values in part.numbers.items()}
            columns |= {name: ["" if c < 0 else known[c] for c in codes.tolist()] for name, (codes, known) in part.words.items()}
            if not headed:
                lines.writerow(columns)
                headed = True
            lines.writerows(zip(*columns.values()))

        yield write


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise missing("pyarrow, which writes Parquet,", "sweep") from None
    opened: list[Any] = []

    def write(part: Part) -> None:
        columns: dict[str, Any] = {name: pyarrow.array(v, mask=v < 0) for name, v in part.numbers.items()}
        for name, (codes, known) in part.words.items():
            indices = pyarrow.array(codes.astype(np.int32), mask=codes < 0)
            columns[name] = pyarrow.DictionaryArray.from_arrays(indices, pyarrow.array(known, pyarrow.string()))
        table = pyarrow.table(columns)
        if not opened:
            opened.append(pyarrow.parquet.ParquetWriter(str(path), table.schema))
        opened[0].write_table(table)

    try:
        yield write
    finally:
        for file in opened:
            file.close()
