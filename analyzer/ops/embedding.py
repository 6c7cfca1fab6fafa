"""Embedding tables, and the scratch of their gradients: a sort of the indices, and sums of parts of equal ones.

Sources: ATen/native/Embedding.cpp, ATen/native/cuda/Embedding.cu, EmbeddingBag.cu and EmbeddingBackwardKernel.cu
(embedding_backward_cuda_kernel), torch 2.13. All of it is counted on the host: which indices occur, or how often, plays no role.
"""

from __future__ import annotations

from analyzer.graph import ITEMSIZE, Rule, Spec, Tensor
from analyzer.ops import plan
from analyzer.ops.creation import arange
from analyzer.ops.layout import is_contiguous
from analyzer.ops.registry import op, primitive
from analyzer.ops.shape import as_shape
from analyzer.polynomial import ONE, ZERO, Poly, call, poly
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current, show
from analyzer.work import Work

UNSORTED = 3072  # so many indices are added up without a sort
ROWS = 10  # indices that one partial sum adds up
BLOCK, WARP = 1024, 32


def looked_up(ids: Tensor, weight: Tensor, word: str) -> None:
    """Raises Refused where a table cannot be looked up so."""
    if ids.dtype not in ("int64", "int32"):
        raise Refused(f"{word} looks up whole numbers, its input is {ids.dtype}", "give the input dtype: int64")
    if len(weight.shape) != 2:
        raise Refused(f"{word} looks up the rows of a matrix, not of {show(weight.shape)}")


def _sorted(n: Poly, table: Poly, width: int, by_frequency: bool) -> list[plan.Item]:
    """The indices in order, with where they stood, and how often each occurs where gradients are scaled by that."""
    capability = sizes().device.capability
    indices = n * width
    order: list[plan.Item] = [plan.Held(indices), plan.Held(indices), plan.Held(indices, "range")]
    order += [plan.Brief((call("sort_pairs_scratch", n, table, width, capability),)), plan.Gone("range")]
    if by_frequency:
        scan = plan.Brief((call("scan_by_key_scratch", n, width, capability),))
        order += [plan.Held(indices), scan, scan]
    return order


def _summed(n: Poly, weight: Tensor, width: int, fusible: bool) -> list[plan.Item]:
    """Equal indices found, and partial sums of their gradients."""
    (table, columns), word = weight.shape, poly(8)
    indices, segments = n * width, call("min", n, table)
    partials = call("floordiv", n, ROWS) + segments
    unique = call("unique_scratch", n, width, sizes().device.capability)
    order: list[plan.Item] = [plan.result("weight", weight), plan.Held(indices), plan.Held(word), plan.Held(indices, "keys")]
    order += [plan.Brief((unique,)), plan.Gone("keys"), plan.Held(segments * width), plan.Held(segments * width)]
    order += [plan.Brief((call("scan_scratch", segments, width),)), plan.Held(word), plan.Held(partials * width)]
    accumulator = plan.accumulated(weight.dtype)
    if fusible and _is_fused(segments, partials, columns):
        copy = plan.Held(plan.vector(table * columns, accumulator))
        return [*order, plan.Held(partials * width), *([copy] if accumulator != weight.dtype else [])]
    return [*order, plan.Held(plan.vector(partials * columns, accumulator))]


def _is_fused(segments: Poly, partials: Poly, columns: Poly) -> bool:
    """Whether partial sums are added to the gradient at once: where the blocks of a second pass would not fill the device."""
    width = call("ceildiv", columns, WARP) * WARP
    grid = call("ceildiv", segments * width, call("min", width, BLOCK))
    return not plan.exceeds(grid, 4 * sizes().device.sms - 1) and plan.exceeds(partials - 4 * grid, 0)


def gradient_plan(ids: Tensor, weight: Tensor, *, by_frequency: bool = False) -> plan.Plan:
    """What the gradient of a table takes, that some rows of were looked up."""
    rows: list[plan.Item] = [plan.RowMajor("ids"), plan.RowMajor("g")]
    if not by_frequency and not plan.exceeds(ids.elements, UNSORTED):
        return (*rows, plan.result("weight", weight))
    width = ITEMSIZE[ids.dtype]
    rows += _sorted(ids.elements, weight.shape[0], width, by_frequency)
    return (*rows, *_summed(ids.elements, weight, width, fusible=True))


@primitive
def _embedding(ids: Tensor, weight: Tensor, scale_grad_by_freq: bool) -> Rule:
    order = gradient_plan(ids, weight, by_frequency=scale_grad_by_freq)
    copied = ZERO if len(ids.shape) == 1 or is_contiguous(ids) else ids.bytes
    out = Spec((*ids.shape, weight.shape[1]), weight.dtype)
    grads = plan.gradients("embedding_dense_backward", "g, ids", order)
    return Rule(out, grads, scratch=(copied,), constants={"plan": order}, work=Work(reads={"weight": ZERO}))


@op
def embedding(ids: Tensor, weight: Tensor, *, padding_idx: Poly | None = None, scale_grad_by_freq: bool = False) -> Tensor:
    """y = weight[ids]"""
    looked_up(ids, weight, "embedding")
    y: Tensor = _embedding(ids, weight, scale_grad_by_freq)
    return y


@op
def Embedding(ids: Tensor, *, num_embeddings: Poly, embedding_dim: Poly, padding_idx: Poly | None = None,
              scale_grad_by_freq: bool = False) -> Tensor:  # fmt: skip
    """y = W[ids], W: (num_embeddings, embedding_dim)"""
    weight = current().parameter("weight", (num_embeddings, embedding_dim))
    y: Tensor = embedding(ids, weight, padding_idx=padding_idx, scale_grad_by_freq=scale_grad_by_freq)
    return y


def _bag_backward(ids: Tensor, weight: Tensor, mode: str, by_frequency: bool) -> plan.Plan:
    if mode == "max":
        return (plan.RowMajor("g"), plan.result("weight", weight))
    width = ITEMSIZE[ids.dtype]
    order = _sorted(ids.elements, weight.shape[0], width, by_frequency)
    return (plan.RowMajor("g"), *order, *_summed(ids.elements, weight, width, fusible=False))


@primitive
def _embedding_bag(weight: Tensor, ids: Tensor, offsets: Tensor, per_sample_weights: Tensor | None, mode: str,
                   scale_grad_by_freq: bool, last: bool) -> Rule:  # fmt: skip
    out = Spec((offsets.shape[0] - (ONE if last else ZERO), weight.shape[1]), weight.dtype)
    aux = {"bag_size": Spec(offsets.shape, ids.dtype), "offset2bag": Spec(ids.shape, ids.dtype)}
    reads = "ids, offsets, offset2bag, bag_size" + (", per_sample_weights" if per_sample_weights is not None else "")
    if mode == "max":
        aux["max_indices"] = Spec(out.shape, ids.dtype)
        reads += ", max_indices"
    order = _bag_backward(ids, weight, mode, scale_grad_by_freq)
    grads = {"per_sample_weights": f"kept(per_sample_weights_backward(g, weight), {reads})"} if per_sample_weights is not None else {}
    grads |= plan.gradients("embedding_bag_dense_backward", f"g, {reads}", order)
    return Rule(out, grads, aux, constants={"plan": order}, work=Work(reads={"weight": ZERO}))


@op
def embedding_bag(ids: Tensor, weight: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None, *,
                  mode: str = "mean", include_last_offset: bool = False, padding_idx: Poly | None = None,
                  scale_grad_by_freq: bool = False) -> Tensor:  # fmt: skip
    """y[b] = the mean, sum or largest of weight[ids] over the ids of bag b: a row of ids, or those from offsets[b] on"""
    looked_up(ids, weight, "embedding_bag")
    _check_bags(ids, offsets, per_sample_weights, mode, weight)
    if offsets is None:
        starts = arange(end=ids.shape[0], dtype=ids.dtype)
        ids = as_shape(ids, (ids.elements,))
        if per_sample_weights is not None:
            per_sample_weights = as_shape(per_sample_weights, (ids.elements,))
    else:
        starts = offsets
    last = include_last_offset and offsets is not None
    y: Tensor = _embedding_bag(weight, ids, starts, per_sample_weights, mode, scale_grad_by_freq, last)
    return y


def _check_bags(ids: Tensor, offsets: Tensor | None, weights: Tensor | None, mode: str, weight: Tensor) -> None:
    if mode not in ("mean", "sum", "max"):
        raise Refused(f"embedding_bag has no mode {mode}", "one of mean, sum, max")
    if offsets is None and len(ids.shape) != 2:
        raise Refused(f"without offsets the bags are the rows of a matrix, not of {show(ids.shape)}", "give offsets")
    if offsets is not None and (len(ids.shape) != 1 or len(offsets.shape) != 1):
        raise Refused(f"with offsets both are vectors, not {show(ids.shape)} and {show(offsets.shape)}")
    if weights is not None and (mode != "sum" or weights.shape != ids.shape or weights.dtype != weight.dtype):
        raise Refused(f"per_sample_weights are for mode: sum, {weight.dtype} in the shape {show(ids.shape)} of the ids")
    if mode == "max" and weight.dtype == "bfloat16" and weight.requires_grad:
        raise Refused("PyTorch has no gradient of embedding_bag with mode: max in bfloat16")


@op
def EmbeddingBag(ids: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None, *, num_embeddings: Poly,
                 embedding_dim: Poly, mode: str = "mean", include_last_offset: bool = False, padding_idx: Poly | None = None,
                 scale_grad_by_freq: bool = False) -> Tensor:  # fmt: skip
    """y[b] = the mean, sum or largest of W[ids] over the ids of bag b, W: (num_embeddings, embedding_dim)"""
    weight = current().parameter("weight", (num_embeddings, embedding_dim))
    y: Tensor = embedding_bag(
        ids, weight, offsets, per_sample_weights, mode=mode, include_last_offset=include_last_offset,
        padding_idx=padding_idx, scale_grad_by_freq=scale_grad_by_freq,
    )  # fmt: skip
    return y
