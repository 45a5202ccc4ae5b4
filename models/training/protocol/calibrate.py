"""Temperature scaling, and how far probabilities are from frequencies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

Numbers = NDArray[np.floating[Any]]


def fit_temperature(logits: Numbers, labels: NDArray[np.int64]) -> float:
    """The divisor of logits (n, classes), within [0.2, 5], with the least calibration error for labels (n,).

    Not the likeliest divisor: the errors of one misread patient are sure of themselves, and likelihood would
    then take confidence from every other image to pay for them.
    """
    tried = np.exp(np.linspace(np.log(0.2), np.log(5.0), 162))
    errors = [expected_calibration_error(probabilities(logits, t), labels) for t in tried]
    return float(tried[int(np.argmin(errors))])


def probabilities(logits: Numbers, temperature: float = 1.0) -> Numbers:
    """Softmax of logits (n, classes) at a temperature."""
    return np.asarray(softmax(logits / temperature, axis=1))


def expected_calibration_error(scores: Numbers, labels: NDArray[np.int64], bins: int = 15) -> float:
    """Mean gap between confidence and accuracy over equal-width bins of the top probability, by count."""
    top, right = scores.max(axis=1), scores.argmax(axis=1) == labels
    which = np.minimum((top * bins).astype(int), bins - 1)
    gaps = [abs(right[which == b].mean() - top[which == b].mean()) * (which == b).mean() for b in np.unique(which)]
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
