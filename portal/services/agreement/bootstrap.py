"""Confidence intervals by drawing cases, not images: images of one case resemble each other. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

SEED = 20261121
ROUNDS = 1000
LEAST_DEFINED = 0.95
"""Of the rounds, for an interval to be given: where a statistic is often undefined, its interval would be too."""
LEAST_CASES = 2
AT_ONCE = 100


def interval(kinds: NDArray[Any], parts: NDArray[Any], cases: NDArray[Any],
             statistic: Callable[[NDArray[Any]], NDArray[np.float64]]) -> tuple[float, float] | None:
    """The 95 % percentile interval of a statistic of sums, over cases drawn with replacement; None where there is none.

    Image i is of kind `kinds[i]` in case `cases[i]`; a kind adds its row of `parts` to the sum.
    """
    held: defaultdict[int, list[int]] = defaultdict(list)
    for case, kind in zip(cases.tolist(), kinds.tolist(), strict=True):
        held[case].append(kind)
    if len(held) < LEAST_CASES:
        return None
    # Cases that hold the same are one pattern: drawing patterns by their number is drawing cases.
    patterns = Counter(tuple(sorted(one)) for one in held.values())
    sums = np.stack([parts[list(one)].sum(0) for one in patterns])
    chances = np.array(list(patterns.values())) / len(held)
    dice = np.random.default_rng(SEED)
    values = np.concatenate([statistic(dice.multinomial(len(held), chances, AT_ONCE) @ sums)
                             for _ in range(ROUNDS // AT_ONCE)])
    known = values[np.isfinite(values)]
    if len(known) < LEAST_DEFINED * ROUNDS:
        return None
    low, high = np.percentile(known, (2.5, 97.5))
    return float(low), float(high)
