"""The stages of a pipeline while a model is traced: where they begin, and which one is running."""

from __future__ import annotations

from dataclasses import dataclass, field

from analyzer.graph import Begin, Instruction


@dataclass(slots=True)
class Sections:
    """Sections of a program that is cut into stages; of a model that is not, there is one."""

    begins: tuple[str, ...] = ()  # the paths at which stages but the first begin
    wanted: int = 0
    running: int = 0
    made: dict[str, int] = field(default_factory=dict)  # in which one each parameter and buffer was made, by path

    def enter(self, path: str, instructions: list[Instruction]) -> None:
        """Come to a layer, block or iteration; a stage may begin with it."""
        if path in self.begins and Begin(path) not in instructions:
            instructions.append(Begin(path))
            self.running += 1
