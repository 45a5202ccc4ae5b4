"""Chance-corrected agreement: Cohen's κ of two raters, Fleiss' κ of more, each with weights. Pure functions of numbers.

All take any number of leading axes, so that a thousand resamples are one call; what is undefined is NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
ALMOST_NOTHING = 1e-12


def identity_weights(classes: int) -> Numbers:
    """Only the same class is agreement."""
    return np.eye(classes)


def quadratic_weights(classes: int) -> Numbers:
    """Classes in order, evenly apart: agreement falls with the square of the distance, to 0 from end to end."""
    places = np.arange(classes)
    return 1.0 - ((places[:, None] - places[None, :]) / max(1, classes - 1)) ** 2


def cohen(tables: NDArray[Any], weights: Numbers) -> Numbers:
    """κ of tables (…, classes, classes): rows the one rater, columns the other (Cohen 1960; weighted 1968).

    NaN where nothing was rated, or where both put everything into one class: chance alone then explains it all.
    """
    tables = np.asarray(tables, dtype=np.float64)
    total = tables.sum((-2, -1))
    rows, columns = tables.sum(-1), tables.sum(-2)
    apart = 1.0 - weights
    with np.errstate(invalid="ignore", divide="ignore"):
        seen = (tables * apart).sum((-2, -1)) / total
        expected = np.einsum("...i,ij,...j->...", rows, apart, columns) / total**2
        return _corrected(seen, expected)


def fleiss_parts(counts: NDArray[Any], weights: Numbers) -> Numbers:
    """Per subject of `counts` (subjects, classes) what `fleiss` sums: 1, its disagreement, its share per class.

    Every subject needs two ratings or more, and counts once, however many it has (Fleiss 1971; varying numbers of
    raters and weights after Gwet 2014).
    """
    counts = np.asarray(counts, dtype=np.float64)
    raters = counts.sum(-1)
    alike = ((counts @ weights) * counts - counts).sum(-1) / (raters * (raters - 1.0))
    return np.concatenate([np.ones((len(counts), 1)), (1.0 - alike)[:, None], counts / raters[:, None]], axis=1)


def fleiss(sums: NDArray[Any], weights: Numbers) -> Numbers:
    """κ of summed parts (…, 2 + classes); NaN where everything is in one class."""
    sums = np.asarray(sums, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = sums[..., 2:] / sums[..., :1]
        expected = np.einsum("...i,ij,...j->...", shares, 1.0 - weights, shares)
        return _corrected(sums[..., 1] / sums[..., 0], expected)


def _corrected(disagreement: Numbers, expected: Numbers) -> Numbers:
    return np.where(expected > ALMOST_NOTHING, 1.0 - disagreement / expected, np.nan)
