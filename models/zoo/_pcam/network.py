"""The network of the PCam system, with the attention that is served and without it, for comparison."""

from __future__ import annotations

from typing import Any

SIDE = 96
"""Pixels of a patch's side."""
CHANNELS = (64, 128, 256)
KEY = 128
"""Width of the queries, keys and values."""


def network(*, attention: bool) -> Any:
    """Patches (n, 3, 96, 96) in [0, 1] to the logit of tumour (n,), with random weights.

    Any side that 8 divides will do: no layer knows how many positions there are.
    """
    import torch
    from torch import Tensor, nn
    from torch.nn import functional as F

    class Attention(nn.Module):
        """One head of scaled dot-product attention over positions (n, positions, 256), without a residual."""

        def __init__(self) -> None:
            super().__init__()
            self.query, self.key, self.value = (nn.Linear(CHANNELS[-1], KEY) for _ in range(3))
            self.output = nn.Linear(KEY, KEY)

        def forward(self, positions: Tensor) -> Tensor:
            scores = self.query(positions) @ self.key(positions).transpose(1, 2) / KEY**0.5
            mixed: Tensor = self.output(scores.softmax(dim=2) @ self.value(positions))
            return mixed

    class Head(nn.Module):
        """Features (n, 256, rows, columns) to logits (n,)."""

        def __init__(self) -> None:
            super().__init__()
            self.attention = Attention() if attention else nn.Identity()
            self.narrow = nn.Linear(KEY if attention else CHANNELS[-1], 64)
            self.drop = nn.Dropout(0.5)
            self.answer = nn.Linear(64, 1)

        def forward(self, features: Tensor) -> Tensor:
            positions = features.flatten(2).transpose(1, 2)
            mean = self.attention(positions).mean(dim=1)
            logits: Tensor = self.answer(self.drop(self.narrow(mean).relu()))[:, 0]
            return logits

    class Network(nn.Module):
        """Trunk, head and the temperature that calibration sets."""

        def __init__(self) -> None:
            super().__init__()
            wide = (3, *CHANNELS)
            self.trunk = nn.ModuleList(nn.Conv2d(wide[i], wide[i + 1], 3, padding=1) for i in range(3))
            self.head = Head()
            self.register_buffer("temperature", torch.ones(()))

        def describe(self, image: Tensor) -> Tensor:
            """The last block's features (n, 256, side / 8, side / 8)."""
            for convolution in self.trunk:
                # The greatest of the positive parts is the positive part of the greatest, and pooled first is faster.
                image = F.max_pool2d(convolution(image), 2).relu()
            return image

        def forward(self, image: Tensor) -> Tensor:
            logits: Tensor = self.head(self.describe(image))
            return logits

    return Network()
