"""Symbols with several values on the command line: 128,256,512 and 64:512:64."""

from __future__ import annotations

from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem


def is_several(word: str) -> bool:
    """Whether an assignment is a list or a range of a symbol's values."""
    name, _, value = word.partition("=")
    return ("," in value or ":" in value) and "(" not in value and not name.startswith("run.")


def several(word: str, most: int) -> list[int]:
    """The numbers of a list or a range, at most so many. Raises InvalidConfig."""
    text = word.partition("=")[2]
    parts = text.split(":") if ":" in text else text.split(",")
    numbers = [int(part) for part in parts if part.strip().isdecimal() and len(part) < 20]
    step = numbers[2] if len(numbers) == 3 and ":" in text else 1
    if len(numbers) < len(parts) or (":" in text and not (2 <= len(parts) <= 3 and step)) or min(numbers, default=0) < 1:
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), f"cannot read '{word}'", "expected numbers above 0 as 128,256,512 or 64:512:64"))
    values = range(numbers[0], numbers[1] + 1, step) if ":" in text else list(dict.fromkeys(numbers))
    if not 1 <= len(values) <= most:
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), f"'{word}' has {len(values):,} values", f"expected 1 to {most:,}"))
    return list(values)
