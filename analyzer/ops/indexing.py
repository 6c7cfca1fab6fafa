"""Elements taken and put by tensors of indices. Which indices they are plays no role.

Sources: ATen/native/TensorAdvancedIndexing.cpp, ATen/native/cuda/Indexing.cu (index_put_with_sort_kernel),
tools/autograd/derivatives.yaml; torch 2.13.
"""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.graph import ITEMSIZE, Rule, Shape, Spec, Tensor
from analyzer.ops import plan
from analyzer.ops.elementwise import result, statement
from analyzer.ops.layout import broadcast, dimension, elementwise_strides
from analyzer.ops.registry import op, primitive
from analyzer.ops.shape import _expand
from analyzer.polynomial import ZERO, Poly, call, product
from analyzer.sizes import sizes
from analyzer.tracing import Refused, show
from analyzer.work import Work

PICKS = Work(reads={"x": ZERO})  # which of its elements are read, and how often, is not known


def _check(index: Tensor, word: str, *kinds: str) -> None:
    if index.dtype not in (kinds or ("int64",)):
        raise Refused(f"{word} takes whole numbers as its index, not {index.dtype}", "give the index dtype: int64")


def _same(a: Shape, b: Shape) -> bool:
    return len(a) == len(b) and all(sizes().same(x, y) for x, y in zip(a, b))


def _replaced(shape: Shape, dim: int, *extents: Poly) -> Shape:
    return (*shape[:dim], *extents, *shape[dim + 1 :])


@primitive
def _index_select(x: Tensor, index: Tensor, dim: int) -> Rule:
    shape = _replaced(x.shape, dim, index.elements)
    return Rule(Spec(shape, x.dtype), {"x": "index_add_(zeros(x.shape), g, index)"}, work=PICKS)


@op
def index_select(x: Tensor, index: Tensor, *, dim: int) -> Tensor:
    """y = the entries of x along a dimension that an index of one dimension names"""
    _check(index, "index_select", "int64", "int32")
    if len(index.shape) > 1:
        raise Refused(f"index_select takes an index of one dimension, not {show(index.shape)}", "use index")
    y: Tensor = _index_select(x, index, dimension(dim, len(x.shape)))
    return y


def _check_rank(x: Tensor, index: Tensor, dim: int, word: str) -> int:
    _check(index, word)
    at, demand = dimension(dim, len(x.shape)), sizes().demand
    sides = [(i, s) for d, (i, s) in enumerate(zip(index.shape, x.shape)) if d != at]
    fits = len(index.shape) == len(x.shape) and all(i == s or demand(i, "<=", s) for i, s in sides)
    if not fits:
        raise Refused(f"{word} along dimension {dim} of {show(x.shape)} with an index of {show(index.shape)}",
                      "the index has as many dimensions, no larger than those of x but for this one")  # fmt: skip
    return at


@primitive
def _gather(x: Tensor, index: Tensor) -> Rule:
    return Rule(Spec(index.shape, x.dtype), {"x": "kept(scatter_add_(zeros(x.shape), g, index), x)"}, work=PICKS)


@op
def gather(x: Tensor, index: Tensor, *, dim: int) -> Tensor:
    """y[i, j] = x[index[i, j], j], for dim: 0 of two dimensions"""
    _check_rank(x, index, dim, "gather")
    y: Tensor = _gather(x, index)
    return y


@primitive
def _wrapped(index: Tensor) -> Rule:
    return Rule(result(index))


@op
def take_along_dim(x: Tensor, index: Tensor, *, dim: int) -> Tensor:
    """y = gather of x along a dimension, the other dimensions broadcast; the index may be negative"""
    _check(index, "take_along_dim")
    at = dimension(dim, len(x.shape))
    if len(index.shape) != len(x.shape):
        raise Refused(f"take_along_dim of {show(x.shape)} with an index of {show(index.shape)}: they need as many dimensions")
    common = broadcast(_replaced(x.shape, at, index.shape[at]), index.shape)
    wide = _replaced(common, at, x.shape[at])
    taken = x if x.shape == wide else _expand(x, wide)
    spread = index if index.shape == common else _expand(index, common)
    wrapped = _wrapped(spread)
    y: Tensor = _gather(taken, wrapped)
    return statement(y, wrapped, *(t for t in (taken, spread) if t is not x and t is not index))


@primitive
def _scatter(x: Tensor, index: Tensor, src: Tensor | None) -> Rule:
    grads = {"x": "scatter(g, index)"} | ({"src": "gather(g, index)"} if src is not None else {})
    return Rule(Spec(x.shape, x.dtype), grads)


@op
def scatter(x: Tensor, index: Tensor, src: Tensor | None = None, *, dim: int, value: float | None = None) -> Tensor:
    """y = x, but y[index[i, j], j] = src[i, j], for dim: 0 of two dimensions; or a value there"""
    _check_rank(x, index, dim, "scatter")
    if (src is None) == (value is None):
        raise Refused("scatter puts the elements of src, or a value", "give one of src and value")
    _check_source(x, index, src, "scatter")
    y: Tensor = _scatter(x, index, src)
    return y


def _check_source(x: Tensor, index: Tensor, src: Tensor | None, word: str) -> None:
    if src is None:
        return
    if src.dtype != x.dtype:
        raise Refused(f"{word} of {src.dtype} into {x.dtype}", "both need one dtype")
    if not _same(src.shape, index.shape):
        raise Refused(f"{word} has a gradient where src has the shape of the index: {show(src.shape)} is not {show(index.shape)}")


@primitive
def _scatter_add(x: Tensor, index: Tensor, src: Tensor) -> Rule:
    return Rule(Spec(x.shape, x.dtype), {"x": "g", "src": "gather(g, index)"})


@op
def scatter_add(x: Tensor, index: Tensor, src: Tensor, *, dim: int) -> Tensor:
    """y = x, and y[index[i, j], j] += src[i, j], for dim: 0 of two dimensions"""
    _check_rank(x, index, dim, "scatter_add")
    _check_source(x, index, src, "scatter_add")
    y: Tensor = _scatter_add(x, index, src)
    return y


@primitive
def _index_add(x: Tensor, index: Tensor, source: Tensor) -> Rule:
    return Rule(Spec(x.shape, x.dtype), {"x": "g", "source": "kept(index_select(g, index), source)"})


@op
def index_add(x: Tensor, index: Tensor, source: Tensor, *, dim: int) -> Tensor:
    """y = x, and the entries of y along a dimension that an index of one dimension names += those of source"""
    _check(index, "index_add", "int64", "int32")
    at = dimension(dim, len(x.shape))
    if source.dtype != x.dtype:
        raise Refused(f"index_add of {source.dtype} to {x.dtype}", "both need one dtype")
    if len(index.shape) != 1 or not _same(source.shape, _replaced(x.shape, at, index.elements)):
        raise Refused(f"index_add of {show(source.shape)} at {show(index.shape)} to dimension {dim} of {show(x.shape)}")
    y: Tensor = _index_add(x, index, source)
    return y


def _put(x: Tensor, indices: Sequence[Tensor], common: Shape, dim: int) -> plan.Plan:
    """index_put_ with accumulation: the indices as one, in order, with where they stood."""
    n, piece = product(common), product(x.shape[dim + len(indices) :])
    order: list[plan.Item] = [plan.result("x", x)]
    for i, index in enumerate(indices):
        own = index.elements * ITEMSIZE["int64"]
        order += [plan.Held(own, f"wrapped{i}"), plan.Held(own, f"linear{i}"), plan.Gone(f"wrapped{i}")]
        order += [plan.Gone(f"linear{i}")] if i else []
    largest = call("floordiv", x.elements - 1, piece)
    sort = call("sort_pairs_scratch", n, largest, 8, sizes().device.capability)
    words = n * ITEMSIZE["int64"]
    order += [plan.RowMajor("g"), plan.Held(words, "sorted"), plan.Held(words, "places"), plan.Held(words, "range")]
    return (*order, plan.Brief((sort,)), plan.Gone("range"))


@primitive
def _index(x: Tensor, indices: list[Tensor], dim: int) -> Rule:
    common = indices[0].shape
    end = dim + len(indices)
    shape = (*x.shape[:dim], *common, *x.shape[end:])
    around = (ZERO,) * dim, (ZERO,) * (len(x.shape) - end)
    taken = (*x.strides[:dim], *(ZERO,) * len(common), *x.strides[end:])
    operands = [(shape, taken), *((shape, (*around[0], *i.strides, *around[1])) for i in indices)]
    order = _put(x, indices, common, dim)
    names = ", ".join(f"indices{i}" for i in range(len(indices)))
    grads = plan.gradients("index_backward", f"g, {names}", order)
    return Rule(Spec(shape, x.dtype, elementwise_strides(shape, operands)), grads, constants={"plan": order}, work=PICKS)


@op
def index(x: Tensor, indices: list[Tensor], *, dim: int = 0) -> Tensor:
    """y = x[indices], tensors of whole numbers in place of neighbouring dimensions from `dim` on: x[:, i, j] for dim: 1"""
    for i in indices:
        _check(i, "index")
        if not _same(i.shape, indices[0].shape):
            raise Refused(f"indices of one shape, not {show(indices[0].shape)} and {show(i.shape)}", "expand them first")
    at = dimension(dim, len(x.shape))
    if at + len(indices) > len(x.shape):
        raise Refused(f"{len(indices)} indices from dimension {dim} of {show(x.shape)} on")
    y: Tensor = _index(x, indices, at)
    return y


@primitive
def _one_hot(x: Tensor, num_classes: Poly) -> Rule:
    return Rule(Spec((*x.shape, num_classes), "int64"))


@op
def one_hot(x: Tensor, *, num_classes: Poly) -> Tensor:
    """y[..., c] = whether x is c, as int64"""
    _check(x, "one_hot")
    y: Tensor = _one_hot(x, num_classes)
    return y
