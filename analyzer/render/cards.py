"""The catalogue of cards and the table of cloud instances."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from analyzer.gpus import Gpu, Instance
from analyzer.render.units import GIB, MIB, binary, count


def _marked(card: Gpu, what: str, text: str) -> str:
    return f"~{text}" if what in card.derived else text


def _speed(card: Gpu) -> str:
    """TFLOP/s in half precision, in single where there is no other."""
    flops = card.flops.get("bf16") or card.flops.get("fp16") or card.flops.get("fp32", 0)
    return _marked(card, "speeds", f"{flops / 10**12:,.0f}") if flops else ""


def as_catalogue(cards: Iterable[Gpu]) -> str:
    """One line per card, of at most 80 columns."""
    lines = [f"{'name':<23} {'capacity':>12} {'context':>9} {'compute':>7} {'SMs':>4} {'GB/s':>6} {'TFLOP/s':>8}"]
    for card in cards:
        capacity = _marked(card, "capacity", f"{card.capacity / GIB:.2f} GiB")
        context = _marked(card, "context", f"{card.context // MIB} MiB")
        compute = f"{card.capability // 10}.{card.capability % 10}"
        speeds = f"{card.bandwidth // 10**9 or '':>6} {_speed(card):>8}"
        lines.append(f"{card.name:<23} {capacity:>12} {context:>9} {compute:>7} {card.sms:>4} {speeds}".rstrip())
    lines.append("~ derived or not confirmed. TFLOP/s: dense, half precision if there is one.")
    lines.append("`peakform gpus NAME` tells aliases, every speed and where the values are from.")
    return "\n".join(lines) + "\n"


def as_cards(cards: Iterable[Gpu]) -> str:
    """Everything about each card."""
    return "\n".join(_card(card) for card in cards)


def _card(card: Gpu) -> str:
    low, high = card.capacity, max(card.capacity, card.largest_capacity)
    spread = "" if low == high else f"; up to {binary(high)} ({count(high)} bytes) was seen"
    flops = ", ".join(f"{dtype} {value / 10**12:g}" for dtype, value in card.flops.items())
    rows = {
        "also": ", ".join(card.aliases),
        "architecture": f"{card.architecture}, compute capability {card.capability // 10}.{card.capability % 10}",
        "kernels see": f"{card.sms} multiprocessors of {card.threads_per_sm} threads",
        "capacity": f"{_marked(card, 'capacity', binary(low))} ({count(low)} bytes){spread}",
        "context": _marked(card, "context", binary(card.context)),
        "bandwidth": f"{card.bandwidth / 10**9:g} GB/s" if card.bandwidth else "",
        "cache": binary(card.cache) if card.cache else "",
        "TFLOP/s, dense": _marked(card, "speeds", flops) if flops else "",
        "speeds from": card.speeds,
        "source": card.source,
        "note": card.note,
    }
    return f"{card.name}\n" + "".join(f"  {name:<15} {value}\n" for name, value in rows.items() if value)


def as_instances(instances: Iterable[Instance], cards: Mapping[str, Gpu]) -> str:
    """One line per cloud instance."""
    instances = tuple(instances)
    lines = [f"{'cloud':<7} {'instance':<20} {'cards':>5}  {'card':<18} {'capacity of one':>15}"]
    for i in instances:
        capacity = f"{cards[i.gpu].capacity / GIB:.2f} GiB" if i.gpu in cards else ""
        number = str(i.count) if i.source else f"~{i.count}"
        lines.append(f"{i.cloud:<7} {i.name:<20} {number:>5}  {i.gpu:<18} {capacity:>15}".rstrip())
    if not all(i.source for i in instances):
        lines.append("~ not confirmed.")
    return "\n".join(lines) + "\n"


def as_json(cards: Iterable[Gpu], instances: Iterable[Instance]) -> str:
    """Both tables for a script."""
    gpus = [
        {
            "name": card.name, "aliases": list(card.aliases), "architecture": card.architecture,
            "capability": f"{card.capability // 10}.{card.capability % 10}", "sms": card.sms, "threads_per_sm": card.threads_per_sm,
            "capacity_bytes": card.capacity, "largest_capacity_bytes": max(card.capacity, card.largest_capacity),
            "context_bytes": card.context, "derived": sorted(card.derived), "bandwidth_bytes_per_second": card.bandwidth,
            "flops_per_second": dict(card.flops), "cache_bytes": card.cache,
            "speeds_source": card.speeds, "source": card.source, "note": card.note,
        }
        for card in cards
    ]  # fmt: skip
    machines = [{"name": i.name, "cloud": i.cloud, "gpu": i.gpu, "count": i.count, "source": i.source} for i in instances]
    return json.dumps({"gpus": gpus, "instances": machines}, indent=2) + "\n"
