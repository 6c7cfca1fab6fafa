"""The GPUs a model may run on, from configs/gpus.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from analyzer.document import Mapping, Scalar, Sequence, load
from analyzer.problems import InvalidConfig, Origin, Problem, nearest
from analyzer.sizes import Device

CATALOGUE = Path(__file__).resolve().parent / "configs" / "gpus.yaml"
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Gpu:
    """A card: what the driver reports as its memory, and what kernels ask of it."""

    name: str
    aliases: tuple[str, ...]
    capacity: int  # bytes
    context: int  # bytes that CUDA itself takes of a process
    capability: int  # 80 for 8.0
    sms: int
    threads_per_sm: int
    source: str
    default: bool


def read_gpus(path: Path = CATALOGUE) -> tuple[Gpu, ...]:
    """The catalogue in file order. Raises InvalidConfig."""
    document = load(path, path.name)
    rows = document.get("gpus")
    if not isinstance(rows, Sequence):
        raise InvalidConfig(Problem(document.origin, "expected a list under 'gpus'"))
    return tuple(_gpu(row) for row in rows.items if isinstance(row, Mapping))


def _gpu(row: Mapping) -> Gpu:
    fields = {str(k.value): v for k, v in row.entries}

    def scalar(key: str) -> str | int | Fraction:
        value = fields.get(key)
        if not isinstance(value, Scalar) or value.value is None:
            raise InvalidConfig(Problem(row.origin, f"a GPU needs '{key}'"))
        return value.value

    aliases = fields.get("aliases")
    return Gpu(
        str(scalar("name")),
        tuple(str(a.value) for a in aliases.items if isinstance(a, Scalar)) if isinstance(aliases, Sequence) else (),
        int(Fraction(scalar("capacity_gib")) * GIB) // 512 * 512,
        int(scalar("context_mib")) << 20,
        int(Fraction(scalar("capability")) * 10),
        int(scalar("sms")),
        int(scalar("threads_per_sm")),
        str(scalar("source")),
        isinstance(fields.get("default"), Scalar),
    )


def select(gpus: tuple[Gpu, ...], names: tuple[str, ...]) -> tuple[Gpu, ...]:
    """The GPUs with these names or aliases, in catalogue order; the default ones for no names. Raises InvalidConfig."""
    if not names:
        return tuple(g for g in gpus if g.default)
    known = {_folded(word): gpu for gpu in gpus for word in (gpu.name, *gpu.aliases)}
    missing = [n for n in names if _folded(n) not in known]
    if missing:
        raise InvalidConfig(*(Problem(Origin("command line"), f"unknown GPU '{n}'", nearest(_folded(n), known)) for n in missing))
    wanted = {known[_folded(n)].name for n in names}
    return tuple(g for g in gpus if g.name in wanted)


def device_of(chosen: tuple[Gpu, ...]) -> Device:
    """What kernels see of the first GPU that was asked for; an A100 when none was."""
    if not chosen:
        return Device()
    gpu = chosen[0]
    return Device(gpu.name, gpu.sms, gpu.threads_per_sm, gpu.capability)


def context_of(device: Device) -> int:
    """Bytes that the CUDA context takes on a device; 0 for one that the catalogue does not have."""
    found = (gpu for gpu in read_gpus() if _folded(device.name) in map(_folded, (gpu.name, *gpu.aliases)))
    return next((gpu.context for gpu in found), 0)


def _folded(word: str) -> str:
    return word.lower().replace("_", "-").replace(" ", "-")
