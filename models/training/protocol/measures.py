"""Figures with intervals, and the baselines that a result must be read beside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

Labels = NDArray[np.int64]
Floats = NDArray[np.floating[Any]]


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % Wilson interval of a share."""
    if trials == 0:
        return 0.0, 1.0
    z, share = 1.959964, successes / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


def block_draws(blocks: Sequence[tuple[int, int]], seed: int, draws: int = 1000) -> Iterator[NDArray[np.intp]]:
    """Indexes of the images of draws of whole blocks (class, number), as many per class as there are.

    Neighbours are no independent images, and a draw without one of the classes would say nothing of it.
    """
    rng = np.random.default_rng(seed)
    classes: dict[int, dict[tuple[int, int], list[int]]] = {}
    for index, block in enumerate(blocks):
        classes.setdefault(block[0], {}).setdefault(block, []).append(index)
    groups = [[np.array(some) for some in members.values()] for members in classes.values()]
    for _ in range(draws):
        yield np.concatenate([some[i] for some in groups for i in rng.integers(0, len(some), len(some))])


def block_bootstrap(
    figure: Callable[[NDArray[np.intp]], float], blocks: Sequence[tuple[int, int]], seed: int, draws: int = 1000
) -> tuple[float, float]:
    """The 95 % interval of a figure over `block_draws`."""
    drawn = [figure(chosen) for chosen in block_draws(blocks, seed, draws)]
    return float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))


def macro_f1(labels: Labels, answers: Labels) -> float:
    """Mean F1 over the classes that occur in either."""
    return float(f1_score(labels, answers, average="macro", zero_division=0))


def per_class(labels: Labels, answers: Labels, classes: int) -> list[dict[str, Any]]:
    """Sensitivity and specificity of each class, with counts and Wilson intervals."""
    matrix = confusion_matrix(labels, answers, labels=range(classes))
    found = []
    for c in range(classes):
        true, of_class = int(matrix[c, c]), int(matrix[c].sum())
        others = len(labels) - of_class
        rejected = others - int(matrix[:, c].sum() - true)
        found.append(
            {
                "sensitivity": true / max(1, of_class),
                "sensitivity_interval": wilson(true, of_class),
                "specificity": rejected / max(1, others),
                "specificity_interval": wilson(rejected, others),
                "images": of_class,
            }
        )
    return found


def colour_baseline(train: tuple[NDArray[np.uint8], Labels], test: tuple[NDArray[np.uint8], Labels]) -> Labels:
    """What logistic regression on the mean red, green and blue alone answers: the shortcut's size."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    model.fit(train[0].mean(axis=(1, 2)), train[1])
    return np.asarray(model.predict(test[0].mean(axis=(1, 2))))


def majority_baseline(train: Labels, count: int) -> Labels:
    """The commonest training class, for every image."""
    return np.full(count, np.bincount(train).argmax())
