"""The two networks of the ER system: UNet++ that colours pixels, and residual blocks that grade a patch."""

from __future__ import annotations

from typing import Any

from models.zoo._operators import declare_missing_operators

ENCODER = "tf_mobilenetv3_small_100"
DECODER = (64, 48, 32, 16, 8)
"""Channels from the deepest node up: a quarter of the library's own, for two cores without AVX-512."""
GRADER = (16, 32, 64)


def build_network() -> Any:
    """Images (n, 3, 256, 256) in [-1, 1] to logits (n, 5, 256, 256); `grader` takes patches (n, 3, 64, 64)."""
    import torch
    from torch import Tensor, nn

    declare_missing_operators(torch)
    import segmentation_models_pytorch as smp

    class Network(nn.Module):
        """Stage 1 as `forward`, stage 2 as `grader`."""

        def __init__(self) -> None:
            super().__init__()
            self.segmenter: Any = smp.UnetPlusPlus(
                f"tu-{ENCODER}", encoder_weights=None, decoder_channels=DECODER, classes=5
            )
            self.grader = _grader(nn)

        def train(self, mode: bool = True) -> Network:
            """As ever, but the encoder's batch norm keeps its statistics: ImageNet's arrive folded."""
            super().train(mode)
            for module in self.segmenter.encoder.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
            return self

        def forward(self, image: Tensor) -> Tensor:
            logits: Tensor = self.segmenter(image)
            return logits

    return Network()


def _grader(nn: Any) -> Any:
    """Patches (n, 3, 64, 64) to logits (n, 4): 3×3 convolution, three residual blocks, pooling, linear."""

    class Residual(nn.Module):
        """Two 3×3 convolutions beside a shortcut."""

        def __init__(self, into: int, out: int, stride: int) -> None:
            super().__init__()
            self.first = _block(nn, into, out, stride)
            self.second = nn.Conv2d(out, out, 3, padding=1, bias=False)
            self.second_norm = nn.BatchNorm2d(out)
            self.shortcut = nn.Conv2d(into, out, 1, stride=stride)

        def forward(self, x: Any) -> Any:
            return nn.functional.relu(self.second_norm(self.second(self.first(x))) + self.shortcut(x))

    first, second, third = GRADER
    return nn.Sequential(
        _block(nn, 3, first, 2),
        Residual(first, first, 1),
        Residual(first, second, 2),
        Residual(second, third, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(third, 4),
    )


def _block(nn: Any, into: int, out: int, stride: int) -> Any:
    """A 3×3 convolution, batch norm, ReLU."""
    convolution = nn.Conv2d(into, out, 3, stride=stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out), nn.ReLU())
