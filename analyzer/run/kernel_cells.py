"""The backward of fused recurrent cells: LSTM has one gradient for both products and both biases, GRU one for each.

Source: ATen/native/cuda/RNN.cu (_thnn_fused_lstm_cell_backward_cuda, _thnn_fused_gru_cell_backward_cuda); torch 2.13.
"""

from __future__ import annotations

from analyzer.ops.recurrent_cells import Cell
from analyzer.ops.reducing import partial_bytes, reduction_scratch
from analyzer.run.arrays import Array
from analyzer.run.kernel_functions import KERNELS
from analyzer.run.kernels import Formula


def fused_cell_backward(formula: Formula, name: str, *arguments: Array) -> Array:
    """The gradient of one input: the kernel runs for all of them when the first is asked for."""
    names = formula.names
    assert isinstance(names, dict)  # one for all formulas of an application of a node
    if "results" not in names:
        made = names["cell"]
        assert isinstance(made, Cell)
        results = _results(formula, made.shared)
        for unwanted in results.keys() - made.trained:
            formula.own(results.pop(unwanted))
        names["results"] = results
    result: Array = names["results"].pop(name)
    return formula.own(result)


def _results(formula: Formula, shared: bool) -> dict[str, Array]:
    """A gradient for every input, held once for each that it is the gradient of."""
    results = {"input_gates": _fresh(formula, "input_gates")}
    results["hidden_gates"] = _same(results["input_gates"]) if shared else _fresh(formula, "hidden_gates")
    results["state"] = _fresh(formula, "state")
    if "input_bias" in formula.names:
        results["input_bias"] = _summed(formula, "input")
        results["hidden_bias"] = _same(results["input_bias"]) if shared else _summed(formula, "hidden")
    return results


def _same(array: Array) -> Array:
    array.refs += 1
    return array


def _fresh(formula: Formula, name: str) -> Array:
    like = formula.names[name]
    label = f"{formula.label.partition(': ')[0]}: gradient of {name}"
    return formula.memory.fresh(like.shape, like.dtype, None, "temporary", label)


def _summed(formula: Formula, side: str) -> Array:
    gates = formula.names[f"{side}_gates"]
    result = _fresh(formula, f"{side}_bias")
    formula.scratch(*reduction_scratch(gates.shape, gates.strides, [0], partial_bytes(gates.dtype)))
    return result


KERNELS |= {"fused_cell_backward": fused_cell_backward}
