"""The torch.nn modules of a graph, made once per path, and their parameters and buffers by the graph's names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

import torch
from torch import nn
from torch.distributed.tensor import DTensor

from analyzer import graph as symbolic
from analyzer.evaluate import evaluate
from analyzer.graph import Call, Graph
from analyzer.ops import OPS
from analyzer.polynomial import Poly
from validation.reference import CUDA_KERNELS, REFERENCE, Entry
from validation.reference_layers import OWN


class Mismatch(Exception):
    """PyTorch's module does not have the parameters or buffers that the graph has."""


def entry(op: str, device: str) -> Entry:
    """How PyTorch calls an op on a device."""
    return REFERENCE[op] if torch.device(device).type == "cuda" else CUDA_KERNELS.get(op, REFERENCE[op])


def split(call: Call) -> tuple[list[Any], dict[str, Any]]:
    """A call's tensors in order, and its attributes by name, those that are None left out."""
    positional: list[Any] = []
    attributes: dict[str, Any] = {}
    for argument in OPS[call.op].arguments:
        value = _number(call.arguments.get(argument.name))
        if not argument.keyword:
            positional.append(value)
        elif value is not None:
            attributes[argument.name] = value
    return positional, attributes


def _number(value: Any) -> Any:
    if isinstance(value, Fraction):
        return float(value)
    return [_number(v) for v in value] if isinstance(value, list) else value


def numbers(shape: Iterable[Poly], symbols: Mapping[str, int]) -> tuple[int, ...]:
    """A symbolic shape or stride at the bound values."""
    return tuple(evaluate(size, symbols) for size in shape)


def dtype(tensor: symbolic.Tensor) -> torch.dtype:
    """The torch dtype of a graph's tensor."""
    found: torch.dtype = getattr(torch, tensor.dtype)
    return found


def make_modules(graph: Graph, device: str, kind: torch.dtype) -> dict[str, nn.Module]:
    """The module of every path that a call names, its floating-point parameters of one dtype."""
    modules: dict[str, nn.Module] = {}
    for call in graph.instructions:
        if isinstance(call, Call) and OPS[call.op].is_module and call.path not in modules:
            positional, attributes = split(call)
            standins = [_standin(value, graph, graph.symbols["ranks"] if call.style == "rowwise" else 1) for value in positional]
            tied = graph.tied.keys() & {f"{call.path}.weight", f"{call.path}.bias"}
            with torch.device("meta" if tied else device), default_dtype(kind):
                made = entry(call.op, device)(*standins, **attributes)
                told = any(p.is_floating_point() and p.dtype != kind for p in made.parameters())
                modules[call.path] = made.to(kind) if told else made
            if tied:
                _place(made, {path.rpartition(".")[2] for path in tied}, device)
    return modules


def _place(module: nn.Module, tied: set[str], device: str) -> None:
    """Put a module on the device, but for the parameters that will be another's."""
    for name, parameter in list(module.named_parameters()):
        if name not in tied:
            setattr(module, name, nn.Parameter(torch.empty_like(parameter, device=device)))


@contextlib.contextmanager
def default_dtype(kind: torch.dtype) -> Iterator[None]:
    """Make floating-point tensors of this dtype, instead of casting them afterwards."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(kind)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _standin(value: Any, graph: Graph, parts: int) -> Any:
    """A tensor without data, whole where a rank has one of so many parts of its last dimension; or the value."""
    if isinstance(value, symbolic.Tensor):
        *rest, last = numbers(value.shape, graph.symbols) or (1,)
        shape = (*rest, last * parts) if value.shape else ()
        return torch.empty(shape, dtype=dtype(value), device="meta")
    return value


def parameters(graph: Graph, modules: Mapping[str, nn.Module], device: str) -> dict[str, nn.Parameter]:
    """The graph's parameters in its order; those of modules that are never called are made here. Raises Mismatch."""
    owners = {of(path, name): (module, name) for path, module in modules.items() for name, _ in module.named_parameters()}
    _same_names("parameter", owners.keys() - graph.tied.keys(), graph.parameters, modules)
    result: dict[str, nn.Parameter] = {}
    for path, tensor in graph.parameters.items():
        if path in owners:
            module, name = owners[path]
            parameter = module.get_parameter(name)
        else:
            shape = numbers(tensor.shape, graph.symbols)
            parameter = nn.Parameter(torch.empty(shape, dtype=dtype(tensor), device=device))
        _same_shape(path, parameter, tensor, graph)
        parameter.requires_grad_(tensor.requires_grad)
        result[path] = parameter
    for path, target in graph.tied.items():
        if path in owners:
            module, name = owners[path]
            home, _, leaf = name.rpartition(".")
            setattr(module.get_submodule(home), leaf, result[target])
    return result


def of(path: str, name: str) -> str:
    """The path of a module's tensor."""
    return path if name == OWN else f"{path}.{name}"


def buffers(graph: Graph, modules: Mapping[str, nn.Module], device: str) -> dict[str, torch.Tensor]:
    """The graph's buffers; those of modules that are never called are made here. Raises Mismatch."""
    found: dict[str, torch.Tensor] = {of(path, n): b for path, module in modules.items() for n, b in module.named_buffers()}
    _same_names("buffer", found, graph.buffers, modules)
    for path, tensor in graph.buffers.items():
        if path not in found:
            found[path] = torch.empty(numbers(tensor.shape, graph.symbols), dtype=dtype(tensor), device=device)
        _same_shape(path, found[path], tensor, graph)
    return found


def _same_names(what: str, real: Iterable[str], predicted: Iterable[str], modules: Mapping[str, nn.Module]) -> None:
    called = tuple(f"{path}." for path in modules)
    extra, absent = set(real) - set(predicted), {p for p in set(predicted) - set(real) if f"{p}.".startswith(called)}
    if extra or absent:
        raise Mismatch(f"{what}s only PyTorch has: {sorted(extra)}; only the graph has: {sorted(absent)}")


def _same_shape(path: str, real: torch.Tensor, predicted: symbolic.Tensor, graph: Graph) -> None:
    shape = numbers(predicted.shape, graph.symbols)
    real = real.to_local() if isinstance(real, DTensor) else real
    if tuple(real.shape) != shape or real.dtype != dtype(predicted):
        raise Mismatch(f"{path} is {real.dtype} {tuple(real.shape)} in PyTorch, {predicted.dtype} {shape} in the graph")
