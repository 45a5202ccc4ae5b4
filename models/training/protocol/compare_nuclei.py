"""Two versions of a system that counts nuclei by class, beside what a reader said of each nucleus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from models.spec import ModelSpec, Nucleus
from models.training.protocol.pairs import Indexes, Pair, both, conclusion, few, rows_of

NONE = "none"
REACH = 10.0
"""Pixels, at the size that the system reads at, within which two places are one nucleus: half the width of most."""
MEASURED = ("h_score", "percent_positive")
NOTE = ("Readers correct the nuclei that the version which read the image has found: one that it missed is in no "
        "figure, and where they changed nothing it is right by definition. Both favour that version.")


def of_nuclei(spec: ModelSpec, pairs: Sequence[Pair], seed: int) -> dict[str, Any]:
    """Nuclei in the reader's class, errors of the scores that follow from them, and which version is better by the
    first. Scores are those of all nuclei that each counts.
    """
    if spec.recount is None:
        raise ValueError(f"{spec.key} counts no nuclei")
    names = (NONE, *(one.label for one in spec.recount.classes))
    sides = ([one.candidate for one in pairs], [one.base for one in pairs])
    tables = [np.stack([matched(pair.example.nuclei, one.nuclei, names,
                                reach_of(spec, pair.example.um_per_px))
                        for pair, one in zip(pairs, side, strict=True)]) for side in sides]
    figures = [both("Nuclei in the reader’s class", "higher", lambda side, i: agreement(tables[side][i]))]
    for measure in (one for one in spec.measures if one.key in MEASURED):
        far = [np.array([abs(float(one.scores[measure.key]) - _reader(spec, pair, measure.key))
                         for pair, one in zip(pairs, side, strict=True)]) for side in sides]
        figures.append(both(f"Mean error, {measure.title}", "lower", _mean_of(far)))
    figures += [both(f"Found and called so, of {name} nuclei", "higher", _sensitivity(tables, index))
                for index, name in enumerate(names) if index]
    rows = rows_of(figures, pairs, seed)
    matrices = [one.sum(axis=0).tolist() for one in tables]
    return {"rows": rows, "labels": list(names), "candidate_matrix": matrices[0], "active_matrix": matrices[1],
            **conclusion(rows[0], pairs), "warnings": few(pairs), "notes": [NOTE]}


def matched(
    read: Sequence[Nucleus], said: Sequence[Nucleus], names: Sequence[str], reach: float
) -> NDArray[np.int64]:
    """How often the reader's class (rows) met the version's (columns); `names` begins with that of no nucleus.

    Two are one nucleus when each is the other's nearest, at most `reach` pixels away.
    """
    table = np.zeros((len(names), len(names)), np.int64)
    mates = _mates(read, said, reach)
    for index, one in enumerate(read):
        mate = mates.get(index)
        table[names.index(one.label), 0 if mate is None else names.index(said[mate].label)] += 1
    for index in set(range(len(said))) - set(mates.values()):
        table[0, names.index(said[index].label)] += 1
    return table


def _mates(read: Sequence[Nucleus], said: Sequence[Nucleus], reach: float) -> dict[int, int]:
    if not read or not said:
        return {}
    mine, theirs = (np.array([(one.x, one.y) for one in some], float) for some in (read, said))
    away, there = cKDTree(theirs).query(mine)
    _, back = cKDTree(mine).query(theirs)
    return {i: int(j) for i, (j, far) in enumerate(zip(there, away, strict=True)) if back[j] == i and far <= reach}


def reach_of(spec: ModelSpec, um_per_px: float | None) -> float:
    """REACH in pixels of an image as it was sent."""
    return REACH if um_per_px is None or spec.scale is None else REACH * spec.scale.wanted / um_per_px


def _reader(spec: ModelSpec, pair: Pair, key: str) -> float:
    """What follows from the reader's nuclei."""
    assert spec.recount is not None
    counted = Counter(one.label for one in pair.example.nuclei)
    return float(spec.recount.score({one.label: counted[one.label] for one in spec.recount.classes}).scores[key])


def agreement(tables: NDArray[np.int64]) -> float:
    """Of all nuclei that either the reader or the version has, the share in the reader's class; tables (n, k, k)."""
    whole = tables.sum(axis=0)
    return float(whole.trace() / whole.sum())


def _mean_of(far: Sequence[NDArray[np.float64]]) -> Callable[[int, Indexes], float]:
    return lambda side, i: float(far[side][i].mean())


def _sensitivity(tables: Sequence[NDArray[np.int64]], index: int) -> Callable[[int, Indexes], float]:
    def figure(side: int, chosen: Indexes) -> float:
        row = tables[side][chosen].sum(axis=0)[index]
        return float(row[index] / row.sum()) if row.sum() else float("nan")

    return figure
