r"""Tables as LaTeX for a paper: booktabs, columns of siunitx, formulas in the config's symbols.

Needed in the preamble: \usepackage{amsmath,booktabs,siunitx,tabularx}.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from analyzer.papers.sheet import Cell, Column, Sheet
from analyzer.render.cells import Writer, cell, digits
from analyzer.typesetting import latex, latex_name

SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "×": r"$\times$", "·": r"$\cdot$", "−": "$-$", "≥": r"$\ge$", "≤": r"$\le$",
    "<": "$<$", ">": "$>$", "|": r"\textbar{}", "²": "$^2$", "³": "$^3$", "…": r"\dots{}", "→": r"$\to$", "⌈": r"$\lceil$",
    "⌉": r"$\rceil$", "⌊": r"$\lfloor$", "⌋": r"$\rfloor$", "\u202f": r"\,",
}  # fmt: skip
PREAMBLE = r"""\documentclass{article}
\usepackage[margin=25mm]{geometry}
\usepackage{amsmath,booktabs,siunitx,tabularx}
\pagestyle{empty}
\begin{document}
"""


def escaped(text: str) -> str:
    """Text as LaTeX prints it: a character that pdflatex has no glyph for becomes a question mark."""
    return "".join(SPECIAL.get(c, c if ord(c) < 0x180 and c.isprintable() else "?") for c in text)


def _name(text: str, level: int) -> str:
    return r"\quad" * level + (" " if level else "") + rf"\texttt{{{escaped(text)}}}"


LATEX = Writer(
    text=escaped, number=str, formula=latex, order=lambda form: f"O({form})", name=_name, times=r" \times ",
    mathematics=lambda form: f"${form}$",
)  # fmt: skip


def as_latex(sheets: Iterable[Sheet], standalone: bool = False) -> str:
    """Each table in a float of its own; with `standalone` a whole document."""
    made = "\n".join(_table(sheet) for sheet in sheets)
    return f"{PREAMBLE}{made}\\end{{document}}\n" if standalone else made


def _table(sheet: Sheet) -> str:
    long = any(column.is_long for column in sheet.columns)
    opening, closing = (r"\begin{tabularx}{\linewidth}", r"\end{tabularx}") if long else (r"\begin{tabular}", r"\end{tabular}")
    specification = "".join(_specification(column, i, sheet) for i, column in enumerate(sheet.columns))
    lines = [
        r"\begin{table}[htbp]", r"  \centering\small", rf"  \caption{{{escaped(sheet.caption)}}}", rf"  \label{{{sheet.label}}}",
        rf"  {opening}{{@{{}}{specification}@{{}}}}", r"    \toprule", *_heads(sheet), r"    \midrule",
    ]  # fmt: skip
    for i, row in enumerate(sheet.rows):
        lines += [r"    \midrule"] * (i in sheet.sections and i > 0) + [_line(row, sheet.columns)]
    lines += [r"    \bottomrule", f"  {closing}"]
    lines += [rf"  \par\smallskip{{\footnotesize {escaped(note)}}}" for note in sheet.notes]
    return "\n".join((*lines, r"\end{table}")) + "\n"


def _specification(column: Column, index: int, sheet: Sheet) -> str:
    r"""The letter of a column: S with the digits it needs, X for what may take several lines, l for text."""
    if column.is_long:
        return r">{\raggedright\arraybackslash}X"
    if not column.is_number:
        return "l"
    cells = (row[index] for row in sheet.rows)
    numbers = [digits(value, column.unit) for value in cells if isinstance(value, (int, Fraction))]
    whole = max((len(n.lstrip("-").partition(".")[0]) for n in numbers), default=1)
    rest = max((len(n.partition(".")[2]) for n in numbers), default=0)
    sign = "-" if any(n.startswith("-") for n in numbers) else ""
    return f"S[table-format={sign}{whole}.{rest},group-minimum-digits=4]"


def _heads(sheet: Sheet) -> list[str]:
    """The titles, the units below them, then formulas."""
    titles = [_braced(f"${latex_name(c.title)}$" if c.is_symbol else escaped(c.title), c) for c in sheet.columns]
    units = [_braced(escaped(f"({c.unit})"), c) if c.unit else "" for c in sheet.columns]
    found = [_joined(titles)] + ([_joined(units)] if any(units) else [])
    return found + [_line(row, sheet.columns) for row in sheet.heads]


def _line(row: Sequence[Cell], columns: Sequence[Column]) -> str:
    return _joined([_cell(value, column) for value, column in zip(row, columns)])


def _cell(value: Cell, column: Column) -> str:
    written = cell(value, column, LATEX)
    return written if isinstance(value, (int, Fraction)) and column.is_number else _braced(written, column)


def _braced(written: str, column: Column) -> str:
    """What is no number stands in braces in a column of numbers."""
    return f"{{{written}}}" if column.is_number and written else written


def _joined(cells: Sequence[str]) -> str:
    return "    " + " & ".join(cells) + r" \\"
