"""What a measurement was made on: the card, its driver, the libraries, and the bytes that a process has in use there."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import torch

from validation.nullcuda.recorder import null_device

NULL = "nullcuda"


def environment() -> dict[str, str]:
    """The versions of everything that may change a figure. The driver is empty where NVML does not tell."""
    return {
        "gpu": torch.cuda.get_device_name(),
        "kind": NULL if null_device() else "gpu",
        "driver": _driver(),
        "cuda": str(torch.version.cuda),
        "cudnn": str(torch.backends.cudnn.version()),  # type: ignore[no-untyped-call]
        "torch": str(torch.__version__),
    }


def device_bytes() -> int | None:
    """Bytes of the card that this process has in use, its context included; None on a null device, which has none.

    From NVML (nvidia-ml-py) where it knows the process, else all that is in use of the card (cudaMemGetInfo): then other
    programs on it count too.
    """
    if null_device():
        return None
    torch.cuda.synchronize()
    found = _used_by_this_process()
    if found is not None:
        return found
    free, total = torch.cuda.mem_get_info()
    return int(total - free)


def _nvml() -> Any:
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # nvidia-ml-py is optional, and raises errors of its own where there is no driver
        return None
    return pynvml


def _driver() -> str:
    nvml = _nvml()
    if nvml is None:
        return ""
    told = nvml.nvmlSystemGetDriverVersion()
    return told.decode() if isinstance(told, bytes) else str(told)


def _used_by_this_process() -> int | None:
    nvml = _nvml()
    if nvml is None:
        return None
    uuid = f"GPU-{torch.cuda.get_device_properties(0).uuid}"
    try:
        processes = nvml.nvmlDeviceGetComputeRunningProcesses(nvml.nvmlDeviceGetHandleByUUID(uuid))
    except nvml.NVMLError:
        return None
    return next((int(p.usedGpuMemory) for p in processes if p.pid == os.getpid() and p.usedGpuMemory), None)


def digest(path: Path) -> str:
    """The first 12 hexadecimal digits of a config's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
