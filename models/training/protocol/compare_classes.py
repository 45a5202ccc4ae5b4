"""Two versions of a system that answers with one class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix

from models.spec import ModelSpec
from models.training.protocol.calibrate import expected_calibration_error
from models.training.protocol.pairs import Indexes, Pair, both, conclusion, few, rows_of


def of_classes(spec: ModelSpec, pairs: Sequence[Pair], seed: int) -> dict[str, Any]:
    """Accuracy, macro-F1, calibration and sensitivities, and which version is better by macro-F1."""
    names = [label.name for label in spec.labels]
    truth = np.array([names.index(one.example.label) for one in pairs])
    readings = ([one.candidate for one in pairs], [one.base for one in pairs])
    said = [np.array([names.index(str(one.label)) for one in side]) for side in readings]
    chances = [np.array([[float(one.scores[name]) for name in names] for one in side]) for side in readings]

    figures = [
        both("Macro-F1", "higher", lambda side, i: _macro_f1(truth[i], said[side][i], len(names))),
        both("Accuracy", "higher", lambda side, i: float((truth[i] == said[side][i]).mean())),
        both("Calibration error", "lower", lambda side, i: expected_calibration_error(chances[side][i], truth[i])),
        *(both(f"Sensitivity, {name}", "higher", _sensitivity(truth, said, index)) for index, name in enumerate(names)),
    ]
    rows = rows_of(figures, pairs, seed)
    matrices = [confusion_matrix(truth, one, labels=range(len(names))).tolist() for one in said]
    absent = [name for index, name in enumerate(names) if not (truth == index).any()]
    warnings = few(pairs) + ([f"No image of {' or '.join(absent)} was kept out."] if absent else [])
    return {"rows": rows, "labels": names, "candidate_matrix": matrices[0], "active_matrix": matrices[1],
            **conclusion(rows[0], pairs), "warnings": warnings, "notes": [_mcnemar(truth, said[0], said[1])]}


def _macro_f1(truth: Indexes, said: Indexes, classes: int) -> float:
    """As `measures.macro_f1`, a hundred times as fast: it is asked for every draw."""
    right = np.bincount(truth[truth == said], minlength=classes)
    either = np.bincount(truth, minlength=classes) + np.bincount(said, minlength=classes)
    return float((2 * right[either > 0] / either[either > 0]).mean())


def _sensitivity(truth: Indexes, said: Sequence[Indexes], index: int) -> Callable[[int, Indexes], float]:
    def figure(side: int, chosen: Indexes) -> float:
        mine = chosen[truth[chosen] == index]
        return float((said[side][mine] == index).mean()) if len(mine) else float("nan")

    return figure


def _mcnemar(truth: Indexes, candidate: Indexes, base: Indexes) -> str:
    """Which of the two is right where they differ; the test takes images for independent, which they are not."""
    gained = int(((candidate == truth) & (base != truth)).sum())
    lost = int(((candidate != truth) & (base == truth)).sum())
    told = f"Only the candidate is right in {gained} images, only the other version in {lost}"
    if not gained + lost:
        return f"{told}."
    chance = binomtest(gained, gained + lost).pvalue
    return (f"{told}: McNemar’s exact p = {chance:.3f}. It takes images for independent; those of one group are not, "
            "so the intervals above count before it.")
