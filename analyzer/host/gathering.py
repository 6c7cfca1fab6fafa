"""What gathering the results of batches costs: lists that are concatenated, or arrays made beforehand."""

from __future__ import annotations

from dataclasses import replace

from analyzer.host.deciding import Item
from analyzer.host.source import NUMPY, POINTER, Array, Prediction, array_object
from analyzer.polynomial import Poly, call, product

WAYS = {
    "lists": "every list beside the array made from it: x = np.concatenate(xs)",
    "rebound": "a list's name rebound to its array, which frees the list: xs = np.concatenate(xs)",
    "preallocated": "arrays made beforehand and filled batch by batch: x[start:end] = batch",
}


def one_array(prediction: Prediction) -> Poly:
    """Bytes of one gathered array."""
    return Array(prediction.name, prediction.shape, prediction.dtype, prediction.origin).dense


def gathering(prediction: Prediction) -> tuple[Item, ...]:
    """The items at the most expensive moment: the last concatenation with lists, the first with rebound ones, else any batch.

    The results of a batch are arrays of their own (`.cpu().numpy()`), each an object in a list. numpy.concatenate holds a C
    array of pointers to them. By how much Python makes a list longer than asked is left out.
    """
    unit, arrays = one_array(prediction), prediction.arrays
    if prediction.by == "preallocated":
        result = prediction.batch * product(prediction.shape[1:]) * NUMPY[prediction.dtype]
        return (("arrays filled batch by batch", arrays * unit), ("a batch's result, copied from the device", result))
    chunks = call("ceildiv", prediction.shape[0], prediction.batch)
    there = arrays if prediction.by == "lists" else Poly({(): 1})
    return (
        ("results in lists, their values", arrays * unit),
        ("results in lists, their objects and pointers", arrays * chunks * (array_object(len(prediction.shape)) + POINTER)),
        ("concatenated arrays", there * unit),
        ("pointers that concatenate holds", chunks * POINTER),
    )


def ways(prediction: Prediction) -> dict[str, tuple[Item, ...]]:
    """The same results gathered each way."""
    return {by: gathering(replace(prediction, by=by)) for by in WAYS}
