"""One op applied to tensors of a frame: traced, its result checked, and a refusal told with where the tensors came from."""

from __future__ import annotations

from typing import Any

from analyzer.assumptions import Assumption
from analyzer.build.frame import Bound, Frame, located
from analyzer.build.layouts import styled
from analyzer.build.parts import check
from analyzer.build.values import refuse, unwieldy
from analyzer.evaluate import exact
from analyzer.graph import Call, Tensor
from analyzer.ops import OPS
from analyzer.ops.accepted import accepted
from analyzer.polynomial import ONE, Poly
from analyzer.sizes import sizes
from analyzer.tracing import Refused, show

MAX_SIZE = 10**40


def apply(name: str, positional: list[Any], attributes: dict[str, Any], frame: Frame,
          place: tuple[str, str] | None = None, style: str = "") -> tuple[Bound, ...]:  # fmt: skip
    """Trace one op, divided among GPUs in a style if one is given; its results belong to the running function. Raises InvalidConfig."""
    tracer, op = frame.tracer, OPS[name]
    try:
        with tracer.op(), located(frame, *(place or (frame.path, frame.label))):
            accepted(op, positional, attributes)
            function, style = styled(name, positional, style)
            result = function(*positional, **attributes)
            results = result if isinstance(result, tuple) else (result,)
            for tensor in results:
                _check_shape(tensor)
            check(name, style, positional, results, tracer)
            results = tracer.pop(results)
    except Refused as error:
        hints = filter(None, (error.hint, *_origins(error, positional, frame)))
        raise refuse(tracer.origin, error.message, "\n".join(hints)) from None
    given = dict(zip((a.name for a in op.arguments), positional)) | attributes
    arguments = {k: _plain(v) for k, v in given.items()}
    where = place[0] if place else frame.path
    tracer.instructions.append(Call(name, where, arguments, results, tracer.origin, tracer.autocast, tracer.changed_outside, style))
    tracer.end_op()
    return results


def _check_shape(tensor: Tensor) -> None:
    """Sizes are positive whole numbers, and no shape is beyond all reason. Raises Refused and NotWhole."""
    reason = unwieldy(tensor.shape)
    if reason:
        raise Refused(f"the result would have {reason}")
    for size in tensor.shape:
        number = sizes().number(size)
        if number > MAX_SIZE:
            raise Refused(f"the result would have a size of more than {MAX_SIZE:.0e}")
        if number < 1:
            sizes().breaks(Assumption(ONE, "<=", size))
            told = "" if size.constant is not None else f", and {size!r} is {number}"
            raise Refused(f"the result would have shape {show(tensor.shape)}{told}", "sizes are at least 1")


def _origins(error: Refused, operands: list[Any], frame: Frame) -> list[str]:
    """Where the tensors came from that an op could not take, unless the message says so."""
    tensors = [t for o in operands for t in (o if isinstance(o, list) else [o]) if isinstance(t, Tensor)]
    names = {id(frame.now(value)): f"'{name}'" for name, value in frame.variables.items()}
    told = {t: f"{names.get(id(t), 'an unnamed result')} is {show(t.shape)}, from {t.origin}" for t in tensors}
    return [line for tensor, line in told.items() if str(tensor.origin) not in error.message]


def _plain(value: Any) -> object:
    """An argument with sizes as numbers."""
    if isinstance(value, Poly):
        constant = value.constant
        return exact(value, sizes().values) if constant is None else constant
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value
