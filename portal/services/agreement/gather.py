"""Readings as places in a scale: one row per image that was read, one column per reader, and the model's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from portal.services.agreement.scales import CANNOT_JUDGE, MISSING, Scale
from portal.services.latest import latest_of_each
from portal.storage.agreement import ReadingRow

Which = Literal["latest", "first", "blind"]


@dataclass(frozen=True, kw_only=True)
class Readings:
    """Of each reader one reading per prediction."""

    by_prediction: tuple[dict[int, ReadingRow], ...]

    @property
    def readers(self) -> list[int]:
        return sorted({reader for one in self.by_prediction for reader in one})

    @property
    def total(self) -> int:
        return sum(len(one) for one in self.by_prediction)

    @property
    def blind(self) -> int:
        return sum(row.blind for one in self.by_prediction for row in one.values())


def pick(rows: Iterable[ReadingRow], which: Which) -> Readings:
    """The latest of each reader and prediction, or the first; `rows` come oldest first."""
    given = list(rows)[::-1] if which == "first" else rows
    found: dict[int, dict[int, ReadingRow]] = {}
    for row in latest_of_each(given, attrgetter("prediction_id", "reader_id")):
        found.setdefault(row.prediction_id, {})[row.reader_id] = row
    return Readings(by_prediction=tuple(found.values()))


@dataclass(frozen=True, kw_only=True)
class Ratings:
    """Places in one scale: `readers` (images, readers), `model` (images) and the case of each image."""

    cases: NDArray[Any]
    readers: NDArray[np.int16]
    model: NDArray[np.int16]


def rate(readings: Readings, order: Sequence[int], scale: Scale) -> Ratings:
    """The readings in one scale, readers in this order."""
    column = {reader: number for number, reader in enumerate(order)}
    size = len(readings.by_prediction)
    places = np.full((size, len(order)), MISSING, np.int16)
    model, cases = np.full(size, MISSING, np.int16), np.zeros(size, np.int64)
    for number, held in enumerate(readings.by_prediction):
        for reader, row in held.items():
            places[number, column[reader]] = _own(scale, row)
            cases[number], model[number] = row.case_id, said(scale, row)
    return Ratings(cases=cases, readers=places, model=model)


def said(scale: Scale, row: ReadingRow) -> int:
    """The model's place; one that refused or only demonstrates has none to be compared with."""
    if row.outcome != "scored" or row.demonstration:
        return MISSING
    return scale.place(row.said_label, row.said_scores or {})


def _own(scale: Scale, row: ReadingRow) -> int:
    if row.verdict == "cannot-judge":
        return CANNOT_JUDGE
    if row.verdict == "agree" and row.scores is None:
        return said(scale, row)
    return scale.place(row.label, row.scores or {})
