"""Which kernel scaled_dot_product_attention runs: by dtype, mask, dropout, sizes, strides, need of gradients and GPU generation.

Sources: ATen/native/transformers/sdp_utils_cpp.h and cuda/sdp_utils.cpp (can_use_..._attention, select_sdp_backend), with the
cuDNN 9.20 that torch 2.13 brings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from analyzer.graph import Shape, Tensor
from analyzer.ops.plan import exceeds
from analyzer.polynomial import ONE, Poly, poly
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current, show

HALF = frozenset({"float16", "bfloat16"})
BACKENDS = ("flash", "efficient", "cudnn", "math")


@dataclass(frozen=True, slots=True, eq=False)
class Attention:
    """One call, its tensors as the kernels would get them."""

    query: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor | None
    dropout: float
    causal: bool
    gqa: bool

    @property
    def operands(self) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key, value."""
        return self.query, self.key, self.value

    @property
    def trains(self) -> bool:
        """Whether a gradient of query, key or value is needed."""
        return current().grad and any(t.requires_grad for t in self.operands)


def divides(divisor: int, size: Poly) -> bool:
    """Whether a size is a multiple: a decision that is written down."""
    here, rest = sizes(), size % divisor
    yes = here.number(rest) == 0
    if rest.constant is None:
        here.assume(rest, "==" if yes else "!=", 0)
    return yes


def _in_range(size: Poly, above: int, up_to: int) -> bool:
    return exceeds(size, above) and not exceeds(size, up_to)


def chosen(call: Attention, wanted: str) -> str:
    """The backend that runs: the wanted one, or of `auto` the first in PyTorch's order that can. Raises Refused."""
    if wanted != "auto":
        reason = next(REASONS[wanted](call), "")
        if reason:
            raise Refused(f"{wanted} attention cannot run this: {reason}", "run.attention=auto takes a kernel that can")
        return wanted
    preferred = ("cudnn",) if sizes().device.capability // 10 in (9, 10) else ()
    order: tuple[str, ...] = (*preferred, "flash", "efficient", "math")
    return next(backend for backend in order if not next(REASONS[backend](call), ""))


def _flash(call: Attention) -> Iterator[str]:
    """Why flash attention cannot run."""
    d = call.query.shape[-1]
    yield from _four_dimensions(call)
    if call.mask is not None:
        yield "it takes no attn_mask"
    if not _one_head_dim(call) or exceeds(d, 256):
        yield f"it needs one head dimension of at most 256, not {_dims(call)}"
    yield from _hardware(call, 80, HALF)
    if call.trains and _small_cache() and (_in_range(d, 192, 224) or (call.dropout and exceeds(d, 192))):
        yield f"this GPU has no backward for a head dimension of {d!r}"
    if call.causal and not sizes().agree(call.query.shape[-2], call.key.shape[-2]):
        yield "is_causal needs as many queries as keys"
    yield from _heads(call, grouped=True)
    yield from _last_stride(call, single=True)


def _efficient(call: Attention) -> Iterator[str]:
    """Why memory-efficient attention cannot run."""
    yield from _four_dimensions(call)
    query, key, value = (t.shape[-1] for t in call.operands)
    multiple = _alignment(call.query.dtype)
    if not sizes().agree(query, key) or not all(divides(multiple, d) for d in (query, value)):
        yield f"it needs head dimensions that are multiples of {multiple}, not {_dims(call)}"
    yield from _last_stride(call, single=False)
    yield from _heads(call, grouped=False)
    halves = HALF if sizes().device.capability >= 80 else {"float16"}
    yield from _hardware(call, 50, halves | {"float32"})


def _cudnn(call: Attention) -> Iterator[str]:
    """Why cuDNN's attention cannot run."""
    yield from _four_dimensions(call)
    yield from _hardware(call, 80, HALF)
    if call.mask is not None:
        yield from _mask(call, call.mask)
    if call.dropout * 16 % 1:
        yield "it needs a dropout_p that is a multiple of 1/16"
    yield from _last_stride(call, single=True)
    yield from _heads(call, grouped=True)
    limit, (query, _, value) = _cudnn_limit(call), (t.shape[-1] for t in call.operands)
    if any(exceeds(d, limit) or not divides(8, d) for d in (query, value)):
        yield f"it needs head dimensions that are multiples of 8 up to {limit}, not {_dims(call)}"
    if sizes().is_one(call.key.shape[-2]) or (call.dropout and sizes().is_one(call.query.shape[-2])):
        yield "it does not take a single key, nor a single query with dropout"


def _math(call: Attention) -> Iterator[str]:
    """Math always can."""
    yield from ()


REASONS: Mapping[str, Callable[[Attention], Iterator[str]]] = {"flash": _flash, "efficient": _efficient, "cudnn": _cudnn, "math": _math}


def _four_dimensions(call: Attention) -> Iterator[str]:
    if any(len(t.shape) != 4 for t in call.operands):
        yield f"it needs 4 dimensions, not {' and '.join(show(t.shape) for t in call.operands)}"


def _hardware(call: Attention, oldest: int, dtypes: frozenset[str] | set[str]) -> Iterator[str]:
    device = sizes().device
    if device.capability < oldest:
        yield f"it needs compute capability {oldest / 10:.1f}, {device.name} has {device.capability / 10:.1f}"
    if call.query.dtype not in dtypes:
        yield f"it runs in {', '.join(sorted(dtypes))}, not in {call.query.dtype}"


def _heads(call: Attention, *, grouped: bool) -> Iterator[str]:
    query, key, value = (t.shape[:2] for t in call.operands)
    same = sizes().same
    if not (same(query[0], key[0]) and same(query[0], value[0])):
        yield "query, key and value need the same batch size"
    if call.gqa and grouped:
        if not same(key[1], value[1]) or not sizes().demand(query[1] % key[1], "==", 0):
            yield f"{key[1]!r} and {value[1]!r} heads of key and value do not divide {query[1]!r} heads of the query"
    elif not (same(query[1], key[1]) and same(query[1], value[1])):
        yield "query, key and value need the same number of heads"


def _last_stride(call: Attention, *, single: bool) -> Iterator[str]:
    """`single` lets a last dimension of size 1 be."""
    is_one = sizes().is_one
    steps = [t.strides[-1] == ONE for t in call.operands]
    if not all(steps) and not (single and is_one(call.query.shape[-1])):
        yield "the last dimension of query, key and value must have stride 1"
    if call.mask is not None and call.mask.strides[-1] != ONE:
        yield "the last dimension of attn_mask must have stride 1"


def _mask(call: Attention, mask: Tensor) -> Iterator[str]:
    target: Shape = (*call.query.shape[:3], call.key.shape[2])
    fits = [sizes().same(a, b) or sizes().is_one(a) for a, b in zip(mask.shape, target[-len(mask.shape) :])]
    if mask.requires_grad or len(mask.shape) not in (2, 4) or not all(fits):
        yield f"it needs an attn_mask of 2 or 4 dimensions without a gradient, not {show(mask.shape)}"


def _alignment(dtype: str) -> int:
    """minimum_gemm_alignment: the multiple that head dimensions must be."""
    capability = sizes().device.capability
    if capability >= 80 or (capability >= 70 and dtype in HALF):
        return 8 if dtype in HALF else 4
    return 1


def _small_cache() -> bool:
    """Whether the GPU has the small shared memory of 8.6, 8.9 and 12."""
    capability = sizes().device.capability
    return 86 <= capability <= 89 or capability in (120, 121)


def _cudnn_limit(call: Attention) -> int:
    capability = sizes().device.capability
    if capability == 90:
        return 256
    wide = sizes().agree(call.query.shape[-1], poly(192)) and sizes().agree(call.value.shape[-1], poly(128))
    return 192 if capability // 10 == 10 and wide else 128


def _one_head_dim(call: Attention) -> bool:
    query, key, value = (t.shape[-1] for t in call.operands)
    return sizes().agree(query, key) and sizes().agree(query, value)


def _dims(call: Attention) -> str:
    return ", ".join(dict.fromkeys(repr(t.shape[-1]) for t in call.operands))
