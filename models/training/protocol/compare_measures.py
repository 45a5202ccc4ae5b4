"""Two versions of a system that gives scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.spec import Measure, ModelSpec
from models.training.protocol.own import Example
from models.training.protocol.pairs import Indexes, Pair, both, conclusion, few, rows_of, surely_less


def scored_measures(spec: ModelSpec) -> tuple[Measure, ...]:
    """The scores that a reader gives, without those that follow from others."""
    return tuple(one for one in spec.measures if one.step)


def of_measures(spec: ModelSpec, pairs: Sequence[Pair], seed: int) -> dict[str, Any]:
    """R² and mean error per score, and which version is better by the mean error of all."""
    measures = scored_measures(spec)
    truth = np.array([[(one.example.scores or {})[each.key] for each in measures] for one in pairs])
    sides = ([one.candidate for one in pairs], [one.base for one in pairs])
    said = [np.array([[float(one.scores[each.key]) for each in measures] for one in side]) for side in sides]
    most = np.array([each.most or 1.0 for each in measures])
    far = [np.abs(one - truth) for one in said]

    figures = [both("Mean error, all scores, share of the maximum", "lower",
                    lambda side, i: float((far[side][i] / most).mean()))]
    for index, each in enumerate(measures):
        figures.append(both(f"Mean error, {each.title}", "lower", _mean_of(far, index)))
        figures.append(both(f"R², {each.title}", "higher", _explained(truth, said, index)))
    rows = rows_of(figures, pairs, seed)
    return {"rows": rows, "labels": [], "candidate_matrix": [], "active_matrix": [], **conclusion(rows[0], pairs),
            "warnings": few(pairs), "notes": []}


def _mean_of(far: Sequence[NDArray[np.float64]], index: int) -> Callable[[int, Indexes], float]:
    return lambda side, i: float(far[side][i, index].mean())


def _explained(
    truth: NDArray[np.float64], said: Sequence[NDArray[np.float64]], index: int
) -> Callable[[int, Indexes], float]:
    def figure(side: int, chosen: Indexes) -> float:
        true, told = truth[chosen, index], said[side][chosen, index]
        spread = float(np.square(true - true.mean()).sum())
        return 1 - float(np.square(told - true).sum()) / spread if spread else float("nan")

    return figure


def better_than_the_mean(
    spec: ModelSpec, pairs: Sequence[Pair], examples: Sequence[Example], seed: int
) -> bool:
    """Whether the candidate's error is surely less, for each score, than that of always giving the mean score."""
    learnt = [one.scores or {} for one in examples if one.role != "test"]
    for each in scored_measures(spec):
        mean = float(np.mean([one[each.key] for one in learnt]))
        truth = np.array([(one.example.scores or {})[each.key] for one in pairs])
        said = np.array([float(one.candidate.scores[each.key]) for one in pairs])
        if not surely_less(np.abs(said - truth) - np.abs(mean - truth), pairs, seed):
            return False
    return True
