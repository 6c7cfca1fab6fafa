"""timm's models that bundled configs describe. Their loss is computed beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from validation.third_party_kind import Symbols, ThirdParty
from validation.third_party_vision import cross_entropy, on_images
from validation.torchvision_ops import declare


def _timm(name: str, *sizes: str, config: str = "", sized: bool = False) -> ThirdParty:
    """A timm model; `sized` ones are made for images of one size, and `config` is torchvision's where that describes it too."""

    def build(s: Symbols) -> nn.Module:
        declare()
        import timm

        size: dict[str, Any] = {"img_size": s["s"]} if sized else {}
        made: nn.Module = timm.create_model(name, num_classes=s["K"], **size)
        return made

    return ThirdParty("timm", build, on_images, cross_entropy, sizes, "optimizer=SGD momentum=true", config=config)


TIMM: Mapping[str, ThirdParty] = {
    "timm-vit-b-16": _timm("vit_base_patch16_224", "B=4", "B=3 s=80", sized=True),
    "timm-resnet18": _timm("resnet18", "B=8", "B=3 s=97", config="resnet18"),
    "timm-resnet50": _timm("resnet50", "B=8", "B=3 s=97", config="resnet50"),
    "timm-resnet152": _timm("resnet152", "B=2", "B=3 s=97", config="resnet152"),
    "timm-densenet121": _timm("densenet121", "B=4", "B=3 s=97", config="densenet121"),
}
