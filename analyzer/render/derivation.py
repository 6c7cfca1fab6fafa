"""A derivation as text for a terminal, and as LaTeX for an appendix."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from analyzer.papers.derivation import Derivation, Line
from analyzer.polynomial import ONE
from analyzer.render.latex import escaped
from analyzer.render.units import binary, count
from analyzer.typesetting import latex, unicode


def as_text(found: Derivation, symbols: Iterable[tuple[str, int]], width: int = 80) -> str:
    """One numbered part per block: name, place, shape, bytes, how many, why; then the sum, collected, and its value."""
    lines = [f"{found.term}: {found.moment}", ""]
    for i, line in enumerate(found.lines, 1):
        lines += _wrapped(f"{i}. {line.label}", width, "") + _wrapped(f"{_made(line)} {line.place}", width)
        lines += _wrapped(_bytes(line), width)
        for reason in line.reasons:
            lines += _wrapped(reason, width)
        lines.append("")
    numbers = " + ".join(f"({i})" for i in range(1, len(found.lines) + 1)) if len(found.lines) < 9 else f"(1) + ... + ({len(found.lines)})"
    lines += [f"Sum: {numbers}, collected:", *_wrapped(f"= {unicode(found.form)}", width, "  ")]
    lines += _wrapped(f"= {count(found.value)} bytes, {binary(found.value)}, at {_bound(symbols)}", width, "  ")
    return "\n".join(lines) + "\n"


def _made(line: Line) -> str:
    return f"made by {line.op}," if line.op else "described at"


def _bytes(line: Line) -> str:
    """(B, r, c) of float32: 4·B·r·c bytes × L = 4·B·L·c·r"""
    shape = f"({', '.join(map(unicode, line.shape))}) of {line.dtype}: " if line.shape is not None else ""
    many = f"({unicode(line.times)})" if len(line.times.terms) > 1 else unicode(line.times)
    times = "" if line.times == ONE else f" × {many} = {unicode(line.bytes)}"
    return f"{shape}{unicode(line.each)} bytes{times}"


def _bound(symbols: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in symbols)


def _wrapped(text: str, width: int, indent: str = "   ") -> list[str]:
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent + "  ") or [""]


def as_latex(found: Derivation, symbols: Iterable[tuple[str, int]]) -> str:
    """The same as a numbered list."""
    lines = [rf"\paragraph{{{escaped(found.term)}}} {escaped(found.moment)}.", r"\begin{enumerate}", r"  \raggedright"]
    for line in found.lines:
        shape = r" \times ".join(map(latex, line.shape)) if line.shape else ""
        told = f"${shape}$ of {escaped(line.dtype)}: " if shape else ""
        times = "" if line.times == ONE else rf", ${latex(line.times)}$ times: ${latex(line.bytes)}$"
        lines += [rf"  \item {_code(line.label)}, {escaped(_made(line))} {_code(line.place)}. {told}${latex(line.each)}$ bytes{times}."]
        lines += [rf"    \\ {_code(reason) if ' = ' in reason else escaped(reason)}" for reason in line.reasons]
    lines += [r"\end{enumerate}", r"\begingroup\raggedright\noindent Their sum is"]
    lines += [f"${latex(found.form)}$, {count(found.value)} bytes at {escaped(_bound(symbols))}.", r"\par\endgroup"]
    return "\n".join(lines) + "\n"


def _code(text: str) -> str:
    r"""A name or formula in typewriter's letters that may be broken after a point, a comma or an underscore."""
    written = escaped(text)
    for mark in (".", ",", r"\_"):
        written = written.replace(mark, mark + r"\allowbreak{}")
    return rf"\texttt{{{written}}}"
