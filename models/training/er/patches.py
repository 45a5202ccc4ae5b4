"""Stage 2: squares of nuclei on white, with the class that most of their nuclear pixels have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from models.spec import Pixels
from models.training.er.batches import Sources, as_batch
from models.training.er.data import VOID
from models.training.er.render import Piece
from models.zoo._er.regions import LEAST_SHARE, SQUARE, as_patch

BATCH, STEPS, EPOCHS = 48, 25, 14
LEAST_DOMINANT = 0.4
"""Share that the dominant class must have of a square's nuclei for the square to teach or test anything."""
CLASSES = 4
Example = tuple[Pixels, int]
"""A patch (64, 64, 3), and its dominant class 0–3."""


def squares_of(piece: Piece, rng: np.random.Generator | None = None) -> list[Example]:
    """The squares of a piece that have a dominant class.

    With a generator the nuclei's outlines are first peeled or grown by a pixel, as those that stage 1 draws may be.
    """
    labels = np.where(piece.labels == VOID, 0, piece.labels).astype(np.uint8)
    shown = labels if rng is None else _outlined_anew(labels, rng)
    found = []
    for top in range(0, labels.shape[0] - SQUARE + 1, SQUARE):
        for left in range(0, labels.shape[1] - SQUARE + 1, SQUARE):
            here = slice(top, top + SQUARE), slice(left, left + SQUARE)
            dominant = dominant_class(labels[here])
            if dominant is not None:
                found.append((as_patch(piece.pixels[here], shown[here]), dominant))
    return found


def dominant_class(labels: NDArray[np.uint8]) -> int | None:
    """Class 0–3 of most nuclear pixels; None where there are few nuclei or no class stands out."""
    tally = np.bincount(labels.reshape(-1), minlength=CLASSES + 1)[1 : CLASSES + 1]
    if tally.sum() < LEAST_SHARE * labels.size or tally.max() < LEAST_DOMINANT * tally.sum():
        return None
    return int(tally.argmax())


def _outlined_anew(labels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    change = int(rng.integers(-1, 2))
    if change < 0:
        return np.where(ndimage.binary_erosion(labels > 0), labels, 0).astype(np.uint8)
    return labels if change == 0 else np.asarray(ndimage.grey_dilation(labels, (3, 3)))


class Grading:
    """Stage 2 as the trainer's task. Patches of drawn pieces wait in a pool that every epoch renews in part."""

    def __init__(self, sources: Sources, held: list[Piece], *, quick: bool) -> None:
        self.steps = 2 if quick else STEPS
        self.batch = 8 if quick else BATCH
        self.sources = sources
        self.held = [example for piece in held for example in squares_of(piece)]

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """An epoch of batches in which every class is as likely."""
        rng = np.random.default_rng(int(torch.randint(2**31, (1,))))
        pool: list[list[Pixels]] = [[] for _ in range(CLASSES)]
        while sum(map(len, pool)) < self.steps * self.batch // 2 or not all(pool):
            for patch, dominant in squares_of(self.sources.piece(rng), rng):
                pool[dominant].append(patch)
        for _ in range(self.steps):
            labels = rng.integers(0, CLASSES, self.batch)
            yield stacked([(pool[label][int(rng.integers(len(pool[label])))], int(label)) for label in labels])

    def loss(self, network: Any, batch: tuple[Tensor, Tensor]) -> Tensor:
        return F.cross_entropy(network(batch[0]), batch[1], label_smoothing=0.05)

    @torch.no_grad()
    def worth(self, network: Any) -> dict[str, float]:
        """Loss and accuracy over the validation squares."""
        patches, labels = stacked(self.held)
        logits = network(patches)
        right = (logits.argmax(1) == labels).float().mean()
        return {"loss": float(F.cross_entropy(logits, labels)), "accuracy": float(right)}


def stacked(examples: list[Example]) -> tuple[Tensor, Tensor]:
    """Examples as the grader's batch and its labels."""
    patches = as_batch(np.stack([patch for patch, _ in examples]))
    return patches, torch.tensor([label for _, label in examples])
