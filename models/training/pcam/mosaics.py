"""Grids of real patches' probabilities with tumour laid in: which rule makes a slide score of a map of tiles.

No slide of a lymph node with a label exists here. A grid of held-out patches is none, but it holds what a slide
score has to stand: many tiles, each with the error that single patches were measured to have.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from models.zoo._tiles import highest_window

Floats = NDArray[np.float32]
Rule = Callable[[Floats], float]

SIDES = (5, 12, 24)
"""Tiles along a side: images of 0.5, 1.1 and 2.2 mm."""
DRAWS = 200
CALM_SIDE, CALM = 24, 0.95
"""A rule's threshold leaves this share of clean grids of this size uncalled."""

SERVED = "highest 3×3 mean"
RULES: Mapping[str, Rule] = {
    "highest tile": lambda grid: float(grid.max()),
    "mean of the ten highest": lambda grid: float(np.sort(grid, axis=None)[-10:].mean()),
    SERVED: lambda grid: highest_window(grid, np.ones(grid.shape, dtype=np.bool_)),
}
TUMOURS = {"one tile of tumour": 1, "3×3 tiles of tumour": 3}


def grids(chances: Floats, labels: NDArray[np.int64], side: int, tumour: int, rng: np.random.Generator) -> list[Floats]:
    """DRAWS grids of negative patches, with a square of `tumour` × `tumour` positive ones at a random place."""
    negative, positive = chances[labels == 0], chances[labels == 1]
    made = []
    for _ in range(DRAWS):
        grid = rng.choice(negative, (side, side)).astype(np.float32)
        row, column = rng.integers(0, side - tumour + 1, 2)
        grid[row : row + tumour, column : column + tumour] = rng.choice(positive, (tumour, tumour))
        made.append(grid)
    return made


def thresholds(chances: Floats, labels: NDArray[np.int64], seed: int) -> dict[str, float]:
    """Per rule, the hundredth from which a grid is called metastatic, by patches of the validation part."""
    clean = grids(chances, labels, CALM_SIDE, 0, np.random.default_rng(seed))
    return {
        name: math.ceil(float(np.quantile([rule(grid) for grid in clean], CALM)) * 100) / 100
        for name, rule in RULES.items()
    }


def compare(
    chances: Floats, labels: NDArray[np.int64], limits: Mapping[str, float], seed: int
) -> list[dict[str, Any]]:
    """Per size and rule: share of clean grids called metastatic, and per kind of tumour the ROC area and share."""
    found = []
    for side in SIDES:
        rng = np.random.default_rng((seed, side))
        clean = grids(chances, labels, side, 0, rng)
        ill = {name: grids(chances, labels, side, tumour, rng) for name, tumour in TUMOURS.items()}
        for name, rule in RULES.items():
            calm = [rule(grid) for grid in clean]
            row: dict[str, Any] = {"side": side, "rule": name, "called": float(np.mean(np.array(calm) >= limits[name]))}
            for kind, some in ill.items():
                scores = [rule(grid) for grid in some]
                truth = [0] * len(calm) + [1] * len(scores)
                row[kind] = {
                    "auc": float(roc_auc_score(truth, calm + scores)),
                    "called": float(np.mean(np.array(scores) >= limits[name])),
                }
            found.append(row)
    return found
