"""Names for an allocation, out of the C++ and Python frames that the allocator's history has for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OP = re.compile(r"^at::_ops::(\w+)::(?:call|redispatch)")
NODE = re.compile(r"torch::autograd::(?:generated::)?(\w+)::apply\(")
ALLOCATES_FOR_ANOTHER = re.compile(r"^(empty|new_empty|resize_|_to_copy|to_|_efficientzerotensor)")
OWN = {str(Path(__file__).with_name(name)) for name in ("recorder.py", "measure.py", "hooks.py")}
WORKSPACE = ("setWorkspaceForHandle", "CUDABlasLtWorkspace")
Frame = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Names:
    """`op` is "kernel < op as called"; `node` the autograd node, if one ran it."""

    op: str
    node: str
    workspace: bool


def names(frames: Iterable[Frame]) -> Names:
    """What an allocation was for; frames come innermost first, and count up to the engine's or Python's."""
    ops: list[str] = []
    node, workspace = "", False
    for frame in frames:
        name = frame["name"]
        workspace = workspace or any(word in name for word in WORKSPACE)
        if matched := OP.match(name):
            if matched.group(1) not in ops[-1:]:
                ops.append(matched.group(1))
        elif (found := NODE.search(name)) and not node:
            node = found.group(1)
        if "Engine::evaluate_function" in name:
            node = node or ("Engine (accumulate)" if any(op.startswith("add") for op in ops) else "")
            break
        if frame["filename"].endswith(".py"):
            break
    return Names(_op(ops), node, workspace)


def _op(ops: list[str]) -> str:
    telling = [op for op in ops if not ALLOCATES_FOR_ANOTHER.match(op)] or ops
    if not telling:
        return "?"
    return telling[0] if ops[-1] == telling[0] else f"{telling[0]} < {ops[-1]}"


def python_line(frames: Iterable[Frame]) -> str:
    """The innermost line of Python outside torch and the recorder."""
    for frame in frames:
        path = frame["filename"]
        if path.endswith(".py") and "/torch/" not in path and path not in OWN:
            return f"{Path(path).name}:{frame['line']}:{frame['name']}"
    return ""
