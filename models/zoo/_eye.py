"""One pair of eyes for the gates of all tissue systems: ImageNet features, so that a gate needs no own network.

What a system's own network makes of an image of another kind is no evidence: it never saw one. These features
were learnt on everyday photographs and tell stains, textures and magnifications apart for every system alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import gate
from models.gate import Domain, Quality
from models.imaging.resize import squash
from models.spec import Finding, Micrograph, Pixels, Run, WeightFile
from models.zoo._operators import declare_missing_operators

SIDE = 224
EYE = WeightFile(
    name="eye-1.onnx", sha256="cda96e0c492a8e74e55b4a88a4fc572820c09d567748d05d1f6d85ba9489c668"
)
"""`SPEC.graphs["eye"]` of every system that uses `check`. Its file is loaded once for all of them."""


def as_views(views: Sequence[Pixels]) -> NDArray[np.float32]:
    """Views of any size to (n, 3, 224, 224) in [-1, 1]."""
    fields = np.stack([squash(view, SIDE) for view in views])
    return np.ascontiguousarray(fields.astype(np.float32).transpose(0, 3, 1, 2) / np.float32(127.5) - np.float32(1))


def check(views: Sequence[Pixels], micrograph: Micrograph, run: Run, domain: Domain) -> tuple[Finding, ...]:
    """Quality and domain of an image by `views` of it, at least one. The first finding tells whether it refuses.

    Uses the graphs "eye" and "gate" of the system. The views' medians count, not the worst of them.
    """
    return check_views(views, min(micrograph.width, micrograph.height), run, domain)


def check_views(views: Sequence[Pixels], shorter_side: int, run: Run, domain: Domain) -> tuple[Finding, ...]:
    """The same of an image or a slide by its shorter side in pixels."""
    parameters = run("gate", {})
    wrong = gate.check_quality(_quality(views, shorter_side), parameters)
    if wrong:
        return wrong
    embeddings = np.concatenate([run("eye", {"image": image[None]})["embedding"] for image in as_views(views)])
    return gate.check_domain(embeddings, parameters, domain)


def quality_of(views: Sequence[Pixels], micrograph: Micrograph) -> Quality:
    """The median quality of the views, with the shorter side of the whole image."""
    return _quality(views, min(micrograph.width, micrograph.height))


def _quality(views: Sequence[Pixels], shorter_side: int) -> Quality:
    found = [gate.measure(view, squash(view, SIDE), 0) for view in views]
    return Quality(
        shorter_side=shorter_side,
        brightness=float(np.median([one.brightness for one in found])),
        contrast=float(np.median([one.contrast for one in found])),
        sharpness=float(np.median([one.sharpness for one in found])),
    )


def build() -> Any:
    """The torch network: (n, 3, 224, 224) in [-1, 1] to embeddings (n, 1376), with random weights.

    The mean and spread of four depths of MobileNetV3-small.
    """
    import torch
    from torch import Tensor, nn

    declare_missing_operators(torch)
    import timm

    class Eye(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk: Any = timm.create_model("tf_mobilenetv3_small_100", num_classes=0)
            del self.trunk.conv_head, self.trunk.norm_head

        def forward(self, image: Tensor) -> Tensor:
            depths, x = [], self.trunk.bn1(self.trunk.conv_stem(image))
            for index, block in enumerate(self.trunk.blocks):
                x = block(x)
                if index in (1, 2, 3, 5):
                    flat = x.flatten(2)
                    mean = flat.mean(dim=2, keepdim=True)
                    depths += [mean[:, :, 0], (flat - mean).square().mean(dim=2).add(1e-6).sqrt()]
            return torch.cat(depths, dim=1)

    return Eye()


