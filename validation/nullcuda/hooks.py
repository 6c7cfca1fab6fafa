"""The path of the running module, written beside every allocation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from validation.nullcuda.recorder import Recorder


@contextmanager
def module_paths(model: nn.Module, recorder: Recorder) -> Iterator[None]:
    """While it lasts, what a module's forward allocates carries the module's path."""
    running: list[str] = []

    def entering(path: str) -> Callable[..., None]:
        def enter(module: nn.Module, arguments: Any) -> None:
            running.append(path)
            recorder.say(path)

        return enter

    def leave(module: nn.Module, arguments: Any, output: Any) -> None:
        running.pop()
        recorder.say(running[-1] if running else "")

    hooks = []
    for path, module in model.named_modules():
        hooks += [module.register_forward_pre_hook(entering(path or "(root)")), module.register_forward_hook(leave)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        recorder.say("")
