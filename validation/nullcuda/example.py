"""run.sh example.py: one training step of a small model, as the caching allocator saw it."""

from __future__ import annotations

import json

import torch
from torch import nn

from validation.nullcuda.measure import measure


def build() -> nn.Module:
    """A small classifier."""
    return nn.Sequential(nn.Linear(784, 1024), nn.GELU(), nn.Dropout(0.1), nn.LayerNorm(1024), nn.Linear(1024, 10))


report, timeline = measure(
    build,
    lambda: (torch.randn(256, 784), torch.zeros(256, dtype=torch.long)),
    lambda model, batch: nn.functional.cross_entropy(model(batch[0]), batch[1]),
)
print(json.dumps(report, indent=1))
for a in timeline.allocations:  # the last step, allocation by allocation
    if a.born >= timeline.spans("forward")[-1][0]:
        print(f"{a.bytes:>12,}  born {a.born:>4}  died {a.died}  {a.tag or 'temporary':<10} {a.op:<40} {a.node:<28} {a.where}")
