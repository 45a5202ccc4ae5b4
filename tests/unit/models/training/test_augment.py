"""Augmented images stay images."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

import torch

from models.training.protocol.augment import Strength, recolour, reshape, restain, through_jpeg, wear


@pytest.mark.parametrize("move", [recolour, reshape, restain, wear])
@pytest.mark.parametrize("side", [64, 96])
def test_every_move_keeps_shape_and_range(move: object, side: int) -> None:
    torch.manual_seed(0)
    batch = move(torch.rand(4, 3, side, side), Strength())  # type: ignore[operator]
    assert batch.shape == (4, 3, side, side)
    assert float(batch.min()) >= 0
    assert float(batch.max()) <= 1


def test_jpeg_changes_little_and_keeps_the_shape() -> None:
    smooth = torch.linspace(0, 1, 64).expand(3, 64, 64).contiguous()
    assert float((through_jpeg(smooth, 90) - smooth).abs().max()) < 0.05
