"""Run settings: the `run:` section of a config, and `run.KEY=VALUE` on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from analyzer.document import Scalar
from analyzer.problems import InvalidConfig, Origin, Problem, nearest
from analyzer.run.optimizer import OPTIMIZERS


@dataclass(frozen=True, slots=True)
class Run:
    """How the model is run."""

    mode: str = "train"
    precision: str = "fp32"
    optimizer: str = "AdamW"
    zero_grad: str = "after_step"
    outputs: str = "kept"
    no_grad: bool = True

    @property
    def dtype(self) -> str:
        """The dtype of parameters."""
        return DTYPES.get(self.precision, "float32")

    @property
    def autocast(self) -> str:
        """The dtype that autocast lowers to, or nothing."""
        return DTYPES[self.precision.removeprefix("amp-")] if self.precision.startswith("amp-") else ""

    @property
    def scaler(self) -> bool:
        """Whether a GradScaler scales the loss."""
        return self.precision == "amp-fp16"


DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "mode": ("train", "infer"),
    "precision": ("fp32", "bf16", "fp16", "amp-bf16", "amp-fp16"),
    "optimizer": tuple(OPTIMIZERS),
    "zero_grad": ("after_step", "before_backward"),
    "outputs": ("kept", "dropped"),
    "no_grad": ("true", "false"),
}
MEANING: Mapping[str, str] = {
    "mode": "a training step, or an inference in evaluation mode",
    "precision": "dtype of parameters and activations; amp-*: fp32 parameters under torch.autocast, amp-fp16 with a GradScaler",
    "optimizer": "torch.optim class, in its foreach form with default arguments",
    "zero_grad": "when gradients are set to None: after the step, or between forward and backward",
    "outputs": "kept: the loop's variables live until the next step rebinds them; dropped: a function returns the loss only",
    "no_grad": "whether inference runs under torch.no_grad()",
}


def read_run(written: Mapping[str, Scalar], overrides: Mapping[str, str]) -> Run:
    """The settings of a config with the command line's on top. Raises InvalidConfig with every problem."""
    problems: list[Problem] = []
    run = Run()
    given = {k: (_word(v.value), v.origin) for k, v in written.items()}
    given |= {k: (v, Origin("command line")) for k, v in overrides.items()}
    for key, (word, origin) in given.items():
        if key not in CHOICES:
            problems.append(Problem(origin, f"unknown run setting '{key}'", nearest(key, [f.name for f in fields(Run)])))
            continue
        choice = next((c for c in CHOICES[key] if c.lower() == word.lower()), None)
        if choice is None:
            problems.append(Problem(origin, f"run.{key} cannot be '{word}'", f"one of: {', '.join(CHOICES[key])}"))
            continue
        setting: Any = choice == "true" if key == "no_grad" else choice
        run = replace(run, **{key: setting})
    if problems:
        raise InvalidConfig(*problems)
    return run


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
