"""Leukemia pattern from a peripheral blood smear: MobileNetV3 for space, an LSTM over its 7×7 positions."""

from __future__ import annotations

from typing import Any


def build() -> Any:
    """The torch network: (n, 3, 224, 224) in [-1, 1] to logits (n, 4), with random weights."""
    import timm
    import torch
    from torch import Tensor, nn

    class Head(nn.Module):
        """Features (n, 576, 7, 7) to logits (n, 4): the positions are read row by row."""

        def __init__(self) -> None:
            super().__init__()
            self.narrow = nn.Linear(576, 128)
            self.sequence = nn.LSTM(128, 96, batch_first=True)
            self.drop = nn.Dropout(0.3)
            self.answer = nn.Linear(96, 4)

        def forward(self, features: Tensor) -> Tensor:
            positions = features.flatten(2).transpose(1, 2)
            states, _ = self.sequence(self.drop(torch.tanh(self.narrow(positions))))
            logits: Tensor = self.answer(self.drop(states.mean(dim=1)))
            return logits

    class Network(nn.Module):
        """Trunk, head and the temperature that calibration sets; `describe` also feeds the domain gate."""

        def __init__(self) -> None:
            super().__init__()
            self.trunk = timm.create_model("tf_mobilenetv3_small_100", num_classes=0)
            del self.trunk.conv_head, self.trunk.norm_head
            self.head = Head()
            self.register_buffer("temperature", torch.ones(()))

        def describe(self, image: Tensor) -> tuple[Tensor, Tensor]:
            """Features (n, 576, 7, 7), and the mean and spread of four depths as one embedding (n, 1376)."""
            depths, x = [], self.trunk.bn1(self.trunk.conv_stem(image))
            for index, block in enumerate(self.trunk.blocks):
                x = block(x)
                if index in (1, 2, 3, 5):
                    flat = x.flatten(2)
                    mean = flat.mean(dim=2, keepdim=True)
                    depths += [mean[:, :, 0], (flat - mean).square().mean(dim=2).add(1e-6).sqrt()]
            return x, torch.cat(depths, dim=1)

        def forward(self, image: Tensor) -> Tensor:
            logits: Tensor = self.head(self.describe(image)[0])
            return logits

    return Network()
