"""Augmented smear fields: the protocol's pieces, with the scale bar hidden."""

from __future__ import annotations

import torch
from torch import Tensor

from models.training.protocol.augment import Strength, recolour, reshape, restain, wear
from models.zoo._smear import corner_of


def hide_corner(batch: Tensor) -> Tensor:
    """(n, 3, side, side) in [0, 1] with the scale-bar corner set to mid-grey, which the network sees as 0."""
    hidden = corner_of(batch.shape[-1])
    batch[:, :, -hidden:, -hidden:] = 0.5
    return batch


def augment(fields: Tensor, strength: Strength) -> Tensor:
    """(n, side, side, 3) bytes to an augmented batch (n, 3, side, side) in [0, 1], bar hidden before and after.

    Hidden before, it cannot be turned into view; hidden after, the corner looks as it does in serving.
    """
    batch = hide_corner(fields.permute(0, 3, 1, 2).float() / 255)
    batch = reshape(batch, strength)
    if float(torch.rand(1)) < 0.7:
        batch = restain(batch, strength)
    return hide_corner(wear(recolour(batch, strength), strength))
