"""Temperature scaling, and how far probabilities are from frequencies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

Numbers = NDArray[np.floating[Any]]


def fit_temperature(logits: Numbers, labels: NDArray[np.int64]) -> float:
    """The divisor of the logits (n, classes) that makes the labels (n,) most likely, within [0.2, 5].

    One pseudo-count per image class keeps a flawless validation set from asking for certainty.
    """
    classes = logits.shape[1]
    target = np.full(logits.shape, 1.0 / (len(labels) + classes))
    target[np.arange(len(labels)), labels] += 1 - target.sum(axis=1)

    def loss(log_temperature: float) -> float:
        return float(-(target * log_softmax(logits / np.exp(log_temperature), axis=1)).sum(axis=1).mean())

    return float(np.exp(minimize_scalar(loss, bounds=np.log([0.2, 5.0]), method="bounded").x))


def probabilities(logits: Numbers, temperature: float = 1.0) -> Numbers:
    """Softmax of logits (n, classes) at a temperature."""
    return np.asarray(softmax(logits / temperature, axis=1))


def expected_calibration_error(scores: Numbers, labels: NDArray[np.int64], bins: int = 15) -> float:
    """Mean gap between confidence and accuracy over equal-width bins of the top probability, by count."""
    top, right = scores.max(axis=1), scores.argmax(axis=1) == labels
    which = np.minimum((top * bins).astype(int), bins - 1)
    gaps = [
        abs(right[which == b].mean() - top[which == b].mean()) * (which == b).mean() for b in np.unique(which)
    ]
    return float(np.sum(gaps))


def calibration_bins(scores: Numbers, labels: NDArray[np.int64], bins: int = 15) -> list[dict[str, float]]:
    """Per occupied bin of the top probability: mean confidence, accuracy and count."""
    top, right = scores.max(axis=1), scores.argmax(axis=1) == labels
    which = np.minimum((top * bins).astype(int), bins - 1)
    return [
        {
            "confidence": float(top[which == b].mean()),
            "accuracy": float(right[which == b].mean()),
            "images": int((which == b).sum()),
        }
        for b in np.unique(which)
    ]
