"""How well four numbers are recovered: R², mean absolute error, shares within a quarter and a half."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression

from models.scoring.pancreas import ITEMS, KEYS, rounded
from models.training.pancreas.data import MAXIMA, Part, middle

Floats = NDArray[np.floating[Any]]
NAMES = (*KEYS, "total")
DRAWS = 1000


def as_scores(shares: Floats) -> NDArray[np.float64]:
    """Shares (n, 4) to what serving answers: four rounded scores and their total, (n, 5)."""
    rows = [[rounded(float(x) * one.most, one.most) for x, one in zip(row, ITEMS, strict=True)] for row in shares]
    return with_total(np.array(rows))


def with_total(scores: Floats) -> NDArray[np.float64]:
    """Scores (n, 4) with their sum, (n, 5)."""
    return np.concatenate([scores, scores.sum(axis=1, keepdims=True)], axis=1)


def truths(part: Part) -> NDArray[np.float64]:
    """The scores that images were drawn with, and their total, (n, 5)."""
    return with_total(part.shares.astype(np.float64) * MAXIMA)


def explained(truth: Floats, said: Floats) -> float:
    """R²: 1 is right everywhere, 0 is as good as always saying the mean of these truths."""
    spread = np.square(truth - truth.mean()).sum()
    return float(1 - np.square(said - truth).sum() / spread) if spread else float("nan")


def agreement(truth: Floats, said: Floats, seed: int) -> dict[str, dict[str, Any]]:
    """By score and for the total, of (n, 5) each; the intervals are bootstrapped over images."""
    return {name: _one(truth[:, i], said[:, i], seed) for i, name in enumerate(NAMES)}


def _one(truth: Floats, said: Floats, seed: int) -> dict[str, Any]:
    far = np.abs(said - truth)
    return {
        "r2": explained(truth, said),
        "r2_interval": _bootstrap(lambda i: explained(truth[i], said[i]), len(truth), seed),
        "mae": float(far.mean()),
        "within_quarter": float((far <= 0.25).mean()),
        "within_half": float((far <= 0.5).mean()),
        "bias": float((said - truth).mean()),
        "images": len(truth),
    }


def _bootstrap(figure: Callable[[NDArray[np.intp]], float], count: int, seed: int) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    drawn = [figure(rng.integers(0, count, count)) for _ in range(DRAWS)]
    return float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))


def mean_baseline(train: Part, count: int) -> NDArray[np.float64]:
    """The mean training score, rounded, for every image."""
    return as_scores(np.tile(train.shares.mean(axis=0), (count, 1)))


def colour_baseline(train: Part, test: Part) -> NDArray[np.float64]:
    """What linear regression on the mean red, green and blue alone answers."""
    seen = [middle(part.fields).mean(axis=(1, 2)) for part in (train, test)]
    model = LinearRegression().fit(seen[0], train.shares)
    return as_scores(model.predict(seen[1]))
