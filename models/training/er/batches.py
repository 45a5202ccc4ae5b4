"""Where training images come from, by share, and those that a fit is judged by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.training.er.data import Scene, load_disks, load_outlined
from models.training.er.drawn import draw_scene
from models.training.er.render import Piece, cut, draw_piece, photographed, restained, shrunk
from models.training.protocol.plan import Plan

LEVELS = (1.0, 0.75, 0.55)
"""Magnifications at which scenes are read: nuclei from about 0.25 to 0.5 µm per pixel."""
DRAWN, DRAWN_QUICK = 48, 3
FIRST_DRAWN, FIRST_HELD = 1000, 9000
"""Seeds of drawn fields: those that teach, and those that only validate."""
SHARES = (0.55, 0.12, 0.33)
"""Of the training images: outlined real crops (mostly restained), real crops with disks, drawn fields."""


def as_batch(pixels: NDArray[np.uint8]) -> Tensor:
    """(n, h, w, 3) bytes to (n, 3, h, w) in [-1, 1]: mean = std = 0.5, which these ImageNet weights were made with."""
    batch = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    return batch.contiguous(memory_format=torch.channels_last)


def stacked(pieces: list[Piece]) -> tuple[Tensor, Tensor]:
    """Pieces of one size as the network's batch and its labels."""
    images = as_batch(np.stack([piece.pixels for piece in pieces]))
    return images, torch.from_numpy(np.stack([piece.labels for piece in pieces])).long()


def gather_levels(scenes: list[Scene]) -> list[list[Scene]]:
    """Each scene at every magnification."""
    return [[shrunk(scene, factor) if factor < 1 else scene for factor in LEVELS] for scene in scenes]


class Sources:
    """The scenes that teach both stages."""

    def __init__(self, plan: Plan) -> None:
        drawn = DRAWN_QUICK if plan.quick else DRAWN
        self.kinds = [
            gather_levels(load_outlined(plan.data, "train")),
            gather_levels(load_disks(plan.data, "train")),
            gather_levels([draw_scene(FIRST_DRAWN + number) for number in range(drawn)]),
        ]

    def piece(self, rng: np.random.Generator) -> Piece:
        """One freshly drawn piece, of a kind drawn by its share."""
        kind = self.kinds[int(rng.choice(len(SHARES), p=SHARES))]
        return draw_piece(kind[int(rng.integers(len(kind)))], rng)


def validation_pieces(data: Path, copies: int) -> list[Piece]:
    """Fixed pieces of the validation crop and of drawn fields nobody trains on, real and restained."""
    rng = np.random.default_rng(77)
    levels = gather_levels(load_outlined(data, "validation"))[0]
    drawn = gather_levels([draw_scene(FIRST_HELD + number) for number in range(copies)])
    pieces = []
    for copy in range(copies):
        for scene in (levels[copy % len(LEVELS)], drawn[copy][copy % len(LEVELS)]):
            window = restained(cut(scene, rng, 256), rng)
            pieces.append(photographed(window, rng))
        window = cut(levels[copy % len(LEVELS)], rng, 256)
        pieces.append(photographed(window, rng, moved=False))
    return pieces
