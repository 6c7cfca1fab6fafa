"""torchvision's models that bundled configs describe. Their loss is computed beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from validation.third_party_kind import Batch, Symbols, ThirdParty
from validation.torchvision_ops import declare


def _torchvision(name: str, *sizes: str, sized: bool = False) -> ThirdParty:
    """A torchvision model; `sized` ones are made for images of one size."""

    def build(s: Symbols) -> nn.Module:
        declare()
        from torchvision import models

        size = {"image_size": s["s"]} if sized else {}
        made: nn.Module = getattr(models, name)(num_classes=s["K"], **size)
        return made

    return ThirdParty("torchvision", build, on_images, cross_entropy, sizes, "optimizer=SGD momentum=true")


def on_images(module: nn.Module, batch: Batch) -> Any:
    return module(batch["x"])


def cross_entropy(output: Any, batch: Batch) -> torch.Tensor:
    return nn.functional.cross_entropy(output, batch["labels"])


VISION: Mapping[str, ThirdParty] = {
    "resnet18": _torchvision("resnet18", "B=8", "B=3 s=97"),
    "resnet50": _torchvision("resnet50", "B=8", "B=3 s=97"),
    "resnet152": _torchvision("resnet152", "B=2", "B=3 s=97"),
    "vgg16": _torchvision("vgg16", "B=4", "B=3 s=97"),
    "vgg16-bn": _torchvision("vgg16_bn", "B=4", "B=3 s=97"),
    "vit-b-16": _torchvision("vit_b_16", "B=4", "B=3 s=80", sized=True),
    "vit-l-16": _torchvision("vit_l_16", "B=2", "B=3 s=80", sized=True),
    "convnext-tiny": _torchvision("convnext_tiny", "B=4", "B=3 s=97"),
    "densenet121": _torchvision("densenet121", "B=4", "B=3 s=97"),
    "mobilenet-v2": _torchvision("mobilenet_v2", "B=4", "B=3 s=97"),
    "efficientnet-b0": _torchvision("efficientnet_b0", "B=4", "B=3 s=97"),
    "swin-t": _torchvision("swin_t", "B=4", "B=1 K=10"),
}
