"""The probability from which a patch is called metastatic, and what it costs to choose another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.training.protocol.measures import wilson

Floats = NDArray[np.floating[Any]]
Labels = NDArray[np.int64]

TRIED = np.arange(10, 91) / 100
SMOOTH = 5
"""Hundredths that are averaged: a peak of one hundredth is an accident of a few patches."""


def rates(chances: Floats, labels: Labels, threshold: float) -> dict[str, Any]:
    """Sensitivity, specificity, precision, accuracy and F1 of calling metastatic from `threshold` on."""
    said, true = chances >= threshold, labels == 1
    found, right = int((said & true).sum()), int((~said & ~true).sum())
    positives, negatives = int(true.sum()), int((~true).sum())
    called = int(said.sum())
    return {
        "threshold": float(threshold),
        "sensitivity": found / max(1, positives),
        "sensitivity_interval": wilson(found, positives),
        "specificity": right / max(1, negatives),
        "specificity_interval": wilson(right, negatives),
        "precision": found / max(1, called),
        "accuracy": (found + right) / len(labels),
        "f1": 2 * found / max(1, called + positives),
    }


def choose(chances: Floats, labels: Labels) -> float:
    """The hundredth around which sensitivity and specificity together are highest."""
    found = [rates(chances, labels, threshold) for threshold in TRIED]
    balance = np.array([one["sensitivity"] + one["specificity"] for one in found])
    padded = np.pad(balance, SMOOTH // 2, mode="edge")
    smooth = np.convolve(padded, np.ones(SMOOTH) / SMOOTH, mode="valid")
    best = np.flatnonzero(smooth >= smooth.max() - 1e-9)
    return float(TRIED[best[len(best) // 2]])
