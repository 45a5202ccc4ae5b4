"""How well an image was read: Dice by class, counted nuclei, and the scores that follow from them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.scoring.ihc import INTENSITIES, Counts, category, h_score, percent
from models.training.er.data import CLASSES, VOID
from models.zoo._er.nuclei import Nuclei


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """Pixels per class (5,): found and true, found, true; over what somebody labelled."""

    shared: NDArray[np.int64]
    found: NDArray[np.int64]
    true: NDArray[np.int64]

    def __add__(self, other: Overlap) -> Overlap:
        return Overlap(
            shared=self.shared + other.shared, found=self.found + other.found, true=self.true + other.true
        )

    @property
    def dice(self) -> list[float]:
        """Dice of each class; not a number for a class that neither holds."""
        total = self.found + self.true
        return [float(2 * a / b) if b else float("nan") for a, b in zip(self.shared, total, strict=True)]

    @property
    def mean(self) -> float:
        """Mean Dice of classes 1–4, of those that occur; not a number when none does."""
        return _mean([one for one in self.dice[1:] if not math.isnan(one)])


def overlap(found: NDArray[Any], true: NDArray[Any]) -> Overlap:
    """Of two class maps (h, w); pixels that are VOID in `true` count for nothing."""
    known = true != VOID
    pairs = np.bincount(true[known].astype(np.int64) * len(CLASSES) + found[known], minlength=len(CLASSES) ** 2)
    matrix = pairs.reshape(len(CLASSES), len(CLASSES))
    return Overlap(shared=matrix.diagonal().copy(), found=matrix.sum(axis=0), true=matrix.sum(axis=1))


def true_counts(nuclei: NDArray[np.int32], classes: NDArray[np.uint8]) -> Counts:
    """Counts of the labelled nuclei that the image shows."""
    shown = np.unique(nuclei)
    return _counts(classes[shown[shown > 0]])


def found_counts(found: Nuclei, true: NDArray[np.uint8]) -> Counts:
    """Counts of the found nuclei, without those whose centre lies where nobody labelled."""
    columns, rows = found.centres.astype(int).T
    return _counts(found.classes[true[rows, columns] != VOID])


def _counts(classes: NDArray[np.uint8]) -> Counts:
    tally = np.bincount(classes, minlength=len(CLASSES))
    return Counts(**{name: int(tally[1 + index]) for index, name in enumerate(INTENSITIES)})


@dataclass(frozen=True, kw_only=True)
class Errors:
    """What one image's scores are off by."""

    h_score: float
    percent_positive: float
    nuclei: float
    """Counted over labelled nuclei, less 1."""
    same_category: bool


def errors(found: Counts, true: Counts) -> Errors | None:
    """None where nothing can be scored on either side."""
    if not found.total or not true.total:
        return None
    return Errors(
        h_score=abs(h_score(found) - h_score(true)),
        percent_positive=abs(percent(found.positive, found) - percent(true.positive, true)),
        nuclei=found.total / true.total - 1,
        same_category=category(found) == category(true),
    )


def summed(maps: Sequence[Overlap], scored: Sequence[Errors | None]) -> dict[str, Any]:
    """Figures over several images: Dice of all their pixels together, errors as means over images."""
    whole = sum(maps[1:], maps[0])
    known = [one for one in scored if one]
    return {
        "images": len(maps),
        "dice": whole.dice,
        "mean_dice": whole.mean,
        "unscorable": len(scored) - len(known),
        "h_score_error": _mean([one.h_score for one in known]),
        "percent_positive_error": _mean([one.percent_positive for one in known]),
        "nuclei_excess": _mean([one.nuclei for one in known]),
        "same_category": _mean([float(one.same_category) for one in known]),
    }


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
