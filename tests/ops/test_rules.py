"""Every op's rule beside PyTorch: shapes, dtypes, strides, parameters, and the bytes that autograd keeps. No tolerance."""

from __future__ import annotations

import pytest
import torch

from analyzer.build.trace import bind_symbols, trace
from analyzer.ops import OPS
from analyzer.run.optimizer import OPTIMIZERS
from analyzer.run.settings import Run
from validation.cases import CASES, cases
from validation.chains import Case, chains
from validation.checks import Checker
from validation.optimizers import NOT_IN_TORCH
from validation.reference import CUDA_KERNELS, REFERENCE
from validation.rendering import Program
from validation.saved import predicted_bytes, saved_bytes

RUN = Run(optimizer="SGD", outputs="dropped")
CHAINS = [pytest.param(case, end, id=f"{case}-{end}") for op in OPS for case in cases(op) for end in case.ends]


def test_every_op_has_a_reference() -> None:
    assert REFERENCE.keys() == OPS.keys()
    assert CUDA_KERNELS.keys() <= OPS.keys()


def test_every_optimizer_is_one_of_torch_or_known_not_to_be() -> None:
    assert {name for name in OPTIMIZERS if not hasattr(torch.optim, name)} == set(NOT_IN_TORCH)


def test_every_op_has_cases() -> None:
    assert CASES.keys() <= OPS.keys()
    assert [op for op in OPS if not cases(op)] == []


@pytest.mark.parametrize(("case", "end"), CHAINS)
def test_a_rule_says_what_pytorch_does(case: Case, end: str) -> None:
    for chain, frozen in chains(case, end, RUN):
        graph = trace(chain, bind_symbols(chain, {}), RUN, unroll=True)
        program = Program(graph, "cpu", RUN)
        checker = Checker(program)
        kept = saved_bytes(program)

        assert checker.found == [], f"frozen: {frozen}"
        assert predicted_bytes(graph, RUN) == kept, f"frozen: {frozen}"
