"""Which cards a command means: by name, alias or cloud instance."""

from __future__ import annotations

import re

from analyzer.catalogue import GIB, Gpu, Instance, read_gpus, read_instances
from analyzer.problems import InvalidConfig, Origin, Problem, nearest
from analyzer.sizes import Device

__all__ = ["GIB", "Gpu", "Instance", "device_of", "named", "read_gpus", "read_instances", "select"]


def select(gpus: tuple[Gpu, ...], names: tuple[str, ...]) -> tuple[Gpu, ...]:
    """The GPUs with these names or aliases, as asked; the default ones for no names. Raises InvalidConfig."""
    return named(gpus, names) if names else tuple(g for g in gpus if g.default)


def named(gpus: tuple[Gpu, ...], names: tuple[str, ...]) -> tuple[Gpu, ...]:
    """The GPUs with these names or aliases, or those of cloud instances so called, as asked. Raises InvalidConfig."""
    words = {word: gpu for gpu in reversed(gpus) for word in (*gpu.aliases, gpu.name)}
    cards = {gpu.name: gpu for gpu in gpus}
    words |= {i.name: cards[i.gpu] for i in read_instances() if i.gpu in cards and i.name not in words}
    known = {_squeezed(word): gpu for word, gpu in words.items()}
    missing = [n for n in names if _squeezed(n) not in known]
    if missing:
        raise InvalidConfig(*(Problem(Origin("command line"), f"unknown GPU '{n}'", nearest(_folded(n), _hints(words))) for n in missing))
    return tuple({known[_squeezed(n)].name: known[_squeezed(n)] for n in names}.values())


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


def _hints(words: dict[str, Gpu]) -> set[str]:
    return {_folded(word) for word in words}


def _squeezed(word: str) -> str:
    """A name as it is compared: without case and separators, so that rtx3090, RTX 3090 and rtx-3090 are one."""
    return re.sub(r"[\s_-]", "", word.lower().removeprefix("nvidia ").removeprefix("nvidia-"))
