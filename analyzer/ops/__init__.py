"""The vocabulary: one short rule per op, by family. A new family is a new file here and nothing else."""

from __future__ import annotations

import importlib
import pkgutil

from analyzer.ops.registry import OPS, Argument, Op

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["OPS", "Argument", "Op"]
