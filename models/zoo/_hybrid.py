"""The leukemia candidates: a CNN for space, and a sequence part over its feature-map positions, row by row.

Their weights are too large for the project: `models.installed` says whether a training run has put them here.
"""

from __future__ import annotations

from typing import Any

from models.spec import ModelSpec
from models.zoo._operators import declare_missing_operators
from models.zoo._smear import ANSWER, LABELS, NOTICE

WIDTH = 128
"""Numbers per position that the sequence part reads."""
LEVELS = [1, 2, 3]
"""Depths of the CNN (strides 4, 8 and 16) whose mean and spread feed the domain gate."""


def candidate(*, key: str, title: str, parts: str, claimed: str) -> ModelSpec:
    """The spec of one candidate; `parts` names CNN and sequence part, `claimed` its authors' accuracy."""
    return ModelSpec(
        key=key,
        version="1",
        title=f"Leukemia stage, candidate {title}",
        summary="Compares a peripheral blood smear field with four B-cell precursor patterns and says which it "
        f"is most similar to. {parts}",
        accepts="One whole microscope field of a stained peripheral blood smear (about 20 red cells across).",
        labels=LABELS,
        answer=ANSWER,
        notice=NOTICE,
        preprocessing="Whole image squashed to 224×224 by area averaging and to the side that the weights were "
        "trained at; scale-bar corner replaced by mid-grey; RGB scaled with mean 0.5 and standard deviation 0.5.",
        calibrated=True,
        graphs={},
        installs=("predict", "explain", "gate"),
        licence="Weights for research use; the licence of the training images is unverified.",
        source="Aria et al., Taleqani Hospital, DOI 10.34740/KAGGLE/DSV/2175623",
        training_data="The images, blocks and seed of the served hybrid; from random weights, for no ImageNet "
        "weights of this CNN belong to the project's data.",
        limits=(
            "A candidate for comparison, trained briefly at a small size: docs/training/leukemia.md has its figures.",
            "Every limit of the served hybrid is one of this system too.",
        ),
        family="leukemia",
        claim=f"Accuracy {claimed} on 784 test images, claimed by the hybrid's authors, who made copies of images "
        "before they split them: copies of one image can stand on both sides.",
    )


def build_hybrid(trunk: str, sequence: str) -> Any:
    """The torch network: (n, 3, side, side) in [-1, 1] to logits (n, 4), with random weights.

    `trunk` is a timm name; `sequence` is "gru" (both directions) or "encoder" (two transformer layers).
    """
    import torch
    from torch import Tensor, nn

    declare_missing_operators(torch)
    import timm

    class Network(nn.Module):
        """Trunk, head and the temperature that calibration sets; `describe` also feeds the domain gate."""

        def __init__(self) -> None:
            super().__init__()
            space: Any = timm.create_model(trunk, num_classes=0, global_pool="")
            self.trunk: Any = space
            self.head = _head(torch, space.num_features, sequence)
            self.register_buffer("temperature", torch.ones(()))

        def describe(self, image: Tensor) -> tuple[Tensor, Tensor]:
            """Features of the last layer, and the mean and spread of three depths as one embedding."""
            features, depths = self.trunk.forward_intermediates(image, indices=LEVELS)
            told = []
            for depth in depths:
                flat = depth.flatten(2)
                mean = flat.mean(dim=2, keepdim=True)
                told += [mean[:, :, 0], (flat - mean).square().mean(dim=2).add(1e-6).sqrt()]
            return features, torch.cat(told, dim=1)

        def forward(self, image: Tensor) -> Tensor:
            logits: Tensor = self.head(self.trunk.forward_features(image))
            return logits

    return Network()


def _head(torch: Any, channels: int, sequence: str) -> Any:
    """What answers from the trunk's features."""
    nn = torch.nn

    class Head(torch.nn.Module):
        """Features (n, channels, rows, columns) to logits (n, 4)."""

        def __init__(self) -> None:
            super().__init__()
            self.narrow = nn.Linear(channels, WIDTH)
            self.even = nn.LayerNorm(WIDTH)
            self.sequence = {"gru": _gru, "encoder": _encoder}[sequence](torch)
            self.drop = nn.Dropout(0.3)
            self.answer = nn.Linear(WIDTH, len(LABELS))

        def forward(self, features: Any) -> Any:
            positions = features.flatten(2).transpose(1, 2)
            states = self.sequence(self.drop(self.even(self.narrow(positions))))
            return self.answer(self.drop(states.mean(dim=1)))

    return Head()


def _gru(torch: Any) -> Any:
    """The sequence part that reads in both directions."""
    nn = torch.nn

    class Gru(torch.nn.Module):
        """Positions (n, p, WIDTH) to states of the same shape, read in both directions."""

        def __init__(self) -> None:
            super().__init__()
            self.read = nn.GRU(WIDTH, WIDTH // 2, batch_first=True, bidirectional=True)

        def forward(self, positions: Any) -> Any:
            return self.read(positions)[0]

    return Gru()


def _encoder(torch: Any) -> Any:
    """The sequence part of two transformer layers."""
    nn = torch.nn

    class Encoder(torch.nn.Module):
        """Positions (n, p, WIDTH) to states of the same shape; where each stands is told by sines."""

        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(_layer(torch), _layer(torch))
            steps = torch.arange(512)[:, None] * torch.exp(torch.arange(0, WIDTH, 2) * (-9.21 / WIDTH))
            self.register_buffer("places", torch.cat([steps.sin(), steps.cos()], dim=1), persistent=False)

        def forward(self, positions: Any) -> Any:
            return self.layers(positions + self.places[: positions.shape[1]])

    return Encoder()


def _layer(torch: Any) -> Any:
    """One of them."""
    nn = torch.nn

    class Layer(torch.nn.Module):
        """One pre-norm transformer layer with four heads, in operations that export and trace plainly."""

        def __init__(self) -> None:
            super().__init__()
            self.even, self.even_too = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            self.ask, self.give = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
            self.think = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))

        def forward(self, x: Any) -> Any:
            n, places, _ = x.shape
            parts = self.ask(self.even(x)).reshape(n, places, 3, 4, WIDTH // 4).permute(2, 0, 3, 1, 4)
            query, key, value = parts[0], parts[1], parts[2]
            weight = torch.softmax(query @ key.transpose(2, 3) * (WIDTH // 4) ** -0.5, dim=3)
            x = x + self.give((weight @ value).transpose(1, 2).reshape(n, places, WIDTH))
            return x + self.think(self.even_too(x))

    return Layer()
