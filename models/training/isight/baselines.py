"""What is answered without a network: the commonest answer, and logistic regression on colour alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.imaging.stains import separate
from models.spec import Pixels
from models.training.isight.cases import TRAINED, Case
from models.training.protocol.measures import majority_baseline

EDGES = np.array([-1, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.3, 9])
"""Decadic densities of DAB between which the pixels of tissue are counted."""


def mean_colour(pixels: Pixels) -> NDArray[np.float64]:
    """Mean red, green and blue (3,)."""
    return np.asarray(pixels.reshape(-1, 3).mean(axis=0))


def brown_histogram(pixels: Pixels) -> NDArray[np.float64]:
    """Shares of the tissue's pixels per band of DAB density (12,): what thresholds on brown can know."""
    tissue = pixels.min(axis=2) < 225
    dab = separate(pixels)[..., 1][tissue] if tissue.any() else np.zeros(1)
    return np.asarray(np.histogram(dab, EDGES)[0] / dab.size)


FEATURES = {"mean colour": mean_colour, "histogram of DAB density": brown_histogram}


def baselines(train: Sequence[Case], test: Sequence[Case]) -> dict[str, dict[str, float]]:
    """Accuracy of each trained question on the test cases, by baseline."""
    answers, truths = (np.stack([case.answers for case in cases]) for cases in (train, test))
    found: dict[str, dict[str, float]] = {"commonest answer": {}}
    for index, name in enumerate(TRAINED):
        said = majority_baseline(answers[:, index], len(test))
        found["commonest answer"][name] = float((said == truths[:, index]).mean())
    for title, feature in FEATURES.items():
        seen, unseen = (np.stack([feature(case.pixels) for case in cases]) for cases in (train, test))
        found[title] = {}
        for index, name in enumerate(TRAINED):
            model: Any = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
            said = model.fit(seen, answers[:, index]).predict(unseen)
            found[title][name] = float((said == truths[:, index]).mean())
    return found
