"""The linear layer in closed form: found where it is better, left alone where it is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

import torch
from torch import nn

from models.training.pancreas.batches import features_of, shares_of
from models.training.pancreas.data import Part
from models.training.pancreas.head import settle_head


class Coloured(nn.Module):
    """A network whose features are mean colours, so that the best linear layer is known."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 4)

    def describe(self, image: Any) -> Any:
        return image


@pytest.fixture
def parts() -> list[Part]:
    """Flat fields whose four shares are lines in their colour."""
    rng = np.random.default_rng(5)
    made = []
    for count in (60, 20):
        colour = rng.integers(0, 256, (count, 1, 1, 3), np.uint8)
        level = colour[:, 0, 0].astype(np.float32) / 255
        shares = np.stack([level[:, 0], 1 - level[:, 1], level.mean(axis=1), level[:, 2] / 2 + 0.25], axis=1)
        made.append(Part(fields=np.tile(colour, (1, 256, 256, 1)), shares=shares.astype(np.float32)))
    return made


def test_the_line_through_the_features_is_found(parts: list[Part]) -> None:
    network = Coloured()
    errors = settle_head(network, *parts)
    assert min(errors, key=lambda name: errors[name]) == "ridge 1"
    assert np.abs(shares_of(network, parts[1].fields) - parts[1].shares).max() < 0.05


def test_a_better_layer_is_left_alone(parts: list[Part]) -> None:
    network = Coloured()
    seen = features_of(network, parts[0].fields)
    exact = np.linalg.lstsq(np.c_[seen, np.ones(len(seen))], parts[0].shares, rcond=None)[0]
    with torch.no_grad():
        network.head.weight.copy_(torch.from_numpy(exact[:3].T))
        network.head.bias.copy_(torch.from_numpy(exact[3]))
    before = network.head.weight.detach().clone()
    errors = settle_head(network, *parts)
    assert errors["fitted"] == min(errors.values())
    assert torch.equal(network.head.weight, before)
