"""What nn.TransformerEncoder does with a padding mask before its layers.

Source: torch/nn/modules/transformer.py (TransformerEncoder.forward), torch/nn/functional.py (_canonical_mask); torch 2.13.
"""

from __future__ import annotations

from analyzer.graph import Tensor
from analyzer.ops.attention_module import canonical
from analyzer.ops.registry import op
from analyzer.tracing import Refused, current


@op
def canonical_mask(mask: Tensor, x: Tensor) -> Tensor:
    """y = 0, and -inf where a bool mask is true, in the dtype of x"""
    if mask.dtype != "bool":
        raise Refused(f"canonical_mask needs a bool mask, not {mask.dtype}", "dtype: bool")
    filled = canonical(mask, x.dtype)
    assert filled is not None
    return filled


@op
def nested_tensor_from_mask(x: Tensor, mask: Tensor) -> Tensor:
    """y = x in training; in inference without gradients nn.TransformerEncoder takes out what the mask pads, which is refused"""
    tracer = current()
    if tracer.mha_fastpath and not tracer.training and not tracer.grad and not tracer.autocast:
        raise Refused(
            "nn.TransformerEncoder takes padding out of the batch here, and how much is left depends on values",
            "run.mha_fastpath=false is torch.backends.mha.set_fastpath_enabled(False), which keeps it",
        )
    return x
