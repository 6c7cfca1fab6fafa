r"""Tables as LaTeX for a paper: booktabs, columns of siunitx, formulas in the config's symbols.

Needed in the preamble: \usepackage{amsmath,booktabs,siunitx,tabularx}, and longtable for tables that go on on another page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from analyzer.papers.sheet import Cell, Column, Sheet
from analyzer.render.cells import Writer, cell, digits, grouped
from analyzer.typesetting import latex, latex_name, unicode

SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "×": r"$\times$", "·": r"$\cdot$", "−": "$-$", "≥": r"$\ge$", "≤": r"$\le$",
    "<": "$<$", ">": "$>$", "|": r"\textbar{}", "²": "$^2$", "³": "$^3$", "…": r"\dots{}", "→": r"$\to$", "⌈": r"$\lceil$",
    "⌉": r"$\rceil$", "⌊": r"$\lfloor$", "⌋": r"$\rfloor$", "\u202f": r"\,",
}  # fmt: skip
PREAMBLE = r"""\documentclass{article}
\usepackage[margin=25mm]{geometry}
\usepackage{amsmath,booktabs,longtable,siunitx,tabularx}
\pagestyle{empty}
\begin{document}
"""


def escaped(text: str) -> str:
    """Text as LaTeX prints it: a character that pdflatex has no glyph for becomes a question mark."""
    return "".join(SPECIAL.get(c, c if ord(c) < 0x180 and c.isprintable() else "?") for c in text)


def _name(text: str, level: int) -> str:
    return r"\quad" * level + (" " if level else "") + rf"\texttt{{{escaped(text).replace('.', BREAK)}}}"


LATEX = Writer(
    text=escaped, number=str, formula=latex, order=lambda form: f"O({form})", name=_name, times=r" \times ",
    mathematics=lambda form: f"${form}$",
)  # fmt: skip


LINES = 40  # of a table that stands on one page
CHARACTERS = 60  # of a formula's LaTeX on one line of a column
LETTER, WIDTH = 0.54, 48  # em: of typewriter letters and of digits; of an article's line in small print
BREAK = r".\allowbreak{}"  # after a dot in a module's path a line may end


def as_latex(sheets: Iterable[Sheet], standalone: bool = False, long: bool | None = None) -> str:
    """Each table in a float of its own, or where it is long as a longtable; with `standalone` a whole document."""
    fitted = map(_fitted, sheets)
    made = "\n".join(_long(sheet) if (_lines(sheet) > LINES if long is None else long) else _table(sheet) for sheet in fitted)
    return f"{PREAMBLE}{made}\\end{{document}}\n" if standalone else made


def _fitted(sheet: Sheet) -> Sheet:
    """A table whose first column may take several lines where the lines would be too wide."""
    columns = sheet.columns
    wide = sum(_ems(column, i, sheet) + 1 for i, column in enumerate(columns)) > WIDTH
    if not wide or any(column.is_long for column in columns) or columns[0].is_number:
        return sheet
    return replace(sheet, columns=(replace(columns[0], is_long=True), *columns[1:]))


def _lines(sheet: Sheet) -> int:
    """About how many lines a table takes."""
    long = [i for i, column in enumerate(sheet.columns) if column.is_long]
    rows = ([cell(row[i], sheet.columns[i], LATEX).replace(BREAK, ".") for i in long] for row in (*sheet.heads, *sheet.rows))
    return sum(1 + max(map(len, texts), default=0) // CHARACTERS for texts in rows)


def _table(sheet: Sheet) -> str:
    long = any(column.is_long for column in sheet.columns)
    opening, closing = (r"\begin{tabularx}{\linewidth}", r"\end{tabularx}") if long else (r"\begin{tabular}", r"\end{tabular}")
    specification = "".join(_specification(column, i, sheet) for i, column in enumerate(sheet.columns))
    lines = [
        r"\begin{table}[htbp]", r"  \centering\small", rf"  \caption{{{_caption(sheet.caption)}}}", rf"  \label{{{sheet.label}}}",
        rf"  {opening}{{@{{}}{specification}@{{}}}}", r"    \toprule", *_heads(sheet), r"    \midrule", *_rows(sheet),
        r"    \bottomrule", f"  {closing}",
    ]  # fmt: skip
    lines += [rf"  \par\smallskip{{\footnotesize {escaped(note)}}}" for note in sheet.notes]
    return "\n".join((*lines, r"\end{table}")) + "\n"


def _caption(text: str) -> str:
    """A caption whose lines do not end before or after an equals sign."""
    return escaped(text).replace(" = ", "~=~")


def _rows(sheet: Sheet) -> Iterator[str]:
    for i, row in enumerate(sheet.rows):
        if i in sheet.sections and i > 0:
            yield r"    \midrule"
        yield _line(row, sheet.columns)


def _long(sheet: Sheet) -> str:
    """A table that breaks over pages, its titles on each; what may take several lines has the room that the rest leaves."""
    several = sum(column.is_long for column in sheet.columns)
    rest = sum(_ems(column, i, sheet) for i, column in enumerate(sheet.columns) if not column.is_long)
    room = rf"\dimexpr(\linewidth-{rest:.1f}em-{2 * (len(sheet.columns) - 1)}\tabcolsep)/{max(1, several)}\relax"
    specification = "".join(_specification(column, i, sheet, rf"p{{{room}}}") for i, column in enumerate(sheet.columns))
    heads = [r"    \toprule", *_heads(sheet), r"    \midrule"]
    lines = [
        r"{\small\setlength{\LTcapwidth}{\linewidth}", rf"\begin{{longtable}}{{@{{}}{specification}@{{}}}}",
        rf"    \caption{{{_caption(sheet.caption)}}}",
        rf"    \label{{{sheet.label}}} \\", *heads, r"    \endfirsthead", *heads, r"    \endhead", r"    \midrule",
        rf"    \multicolumn{{{len(sheet.columns)}}}{{r@{{}}}}{{\footnotesize continued}} \\", r"    \endfoot", r"    \bottomrule",
        r"    \endlastfoot", *_rows(sheet), r"\end{longtable}",
    ]  # fmt: skip
    lines += [rf"\par\noindent{{\footnotesize {escaped(note)}}}" for note in sheet.notes]
    return "\n".join((*lines, r"}")) + "\n"


def _ems(column: Column, index: int, sheet: Sheet) -> float:
    """About how wide a column is that takes one line."""
    plain = Writer(str, grouped, unicode, lambda form: f"O({form})", lambda text, level: "  " * level + text, " × ", str)
    texts = (cell(row[index], column, plain) for row in (*sheet.heads, *sheet.rows))
    sign, whole, rest = _digits(column, index, sheet)
    reserved = len(sign) + whole + whole // 3 + rest + bool(rest) if column.is_number else 0
    return LETTER * max(len(column.title), len(column.unit) + 2, reserved, *map(len, texts))


def _specification(column: Column, index: int, sheet: Sheet, several: str = "X") -> str:
    r"""The letter of a column: S with the digits it needs, `several` for what may take several lines, l for text."""
    if column.is_long:
        return rf">{{\raggedright\arraybackslash}}{several}"
    if not column.is_number:
        return "l"
    sign, whole, rest = _digits(column, index, sheet)
    return f"S[table-format={sign}{whole}.{rest},group-minimum-digits=4]"


def _digits(column: Column, index: int, sheet: Sheet) -> tuple[str, int, int]:
    """The sign that numbers of a column may have, and how many digits before and behind the point."""
    cells = (row[index] for row in sheet.rows)
    numbers = [digits(value, column.unit) for value in cells if isinstance(value, (int, Fraction))]
    whole = max((len(n.lstrip("-").partition(".")[0]) for n in numbers), default=1)
    rest = max((len(n.partition(".")[2]) for n in numbers), default=0)
    return "-" if any(n.startswith("-") for n in numbers) else "", whole, rest


def _heads(sheet: Sheet) -> list[str]:
    """The titles, the units below them, then formulas."""
    titles = [_braced(f"${latex_name(c.title)}$" if c.is_symbol else escaped(c.title), c) for c in sheet.columns]
    units = [_braced(escaped(f"({c.unit})"), c) if c.unit else "" for c in sheet.columns]
    found = [_joined(titles)] + ([_joined(units)] if any(units) else [])
    return found + [_line(row, sheet.columns) for row in sheet.heads]


def _line(row: Sequence[Cell], columns: Sequence[Column]) -> str:
    return _joined([_cell(value, column) for value, column in zip(row, columns)])


def _cell(value: Cell, column: Column) -> str:
    written = cell(value, column, LATEX) if column.is_long else cell(value, column, LATEX).replace(BREAK, ".")
    return written if isinstance(value, (int, Fraction)) and column.is_number else _braced(written, column)


def _braced(written: str, column: Column) -> str:
    """What is no number stands in braces in a column of numbers."""
    return f"{{{written}}}" if column.is_number and written else written


def _joined(cells: Sequence[str]) -> str:
    return "    " + " & ".join(cells) + r" \\"
