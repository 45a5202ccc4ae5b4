"""Predictions and reviews as programs get them: the scores themselves and not the words for them.

What is veiled on a page is veiled here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.services.blind import HIDDEN, is_veiled
from portal.services.results import get_prediction
from portal.storage import answers
from portal.storage.answers import AnswerFilter
from portal.storage.tables.readings import Prediction


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one model version said of one image; `reviewed` by this reader. `demonstration` as a verdict tells it."""

    id: int
    case: int
    image: int
    file: str
    model: str
    version: str
    weights_sha256: str
    outcome: str
    reason: str = ""
    label: str | None = None
    scores: dict[str, Any]
    ms: float | None = None
    demonstration: bool = False
    demonstration_note: str = ""
    reviewed: bool
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class AnswerPage:
    """Some answers, and the cursor with which the next are asked for; None after the last."""

    predictions: tuple[Answer, ...]
    next_cursor: int | None


@dataclass(frozen=True, kw_only=True)
class GivenReview:
    """One review as it was written; `mine` when this reader wrote it."""

    id: int
    reader: str
    mine: bool
    verdict: str
    label: str | None
    scores: dict[str, Any]
    reason: str
    blind: bool
    created_at: datetime


def list_answers(reader_id: int, wanted: AnswerFilter, cursor: int | None, size: int) -> AnswerPage:
    """Newest first."""
    rows = answers.list_predictions(reader_id, wanted, cursor, size + 1)
    shown = tuple(_answer(one, reader_id) for one in rows[:size])
    return AnswerPage(predictions=shown, next_cursor=shown[-1].id if len(rows) > size else None)


def get_answer(prediction_id: int, reader_id: int) -> Answer:
    """Raises NotFound, also for somebody else's."""
    return _answer(get_prediction(prediction_id, reader_id), reader_id)


def list_reviews(prediction_id: int, reader_id: int) -> tuple[GivenReview, ...]:
    """All reviews, oldest first; none while the prediction is veiled. Raises NotFound."""
    prediction = get_prediction(prediction_id, reader_id)
    if is_veiled(prediction.image.case, prediction, reader_id):
        return ()
    return tuple(GivenReview(id=one.id, reader=one.reader.name, mine=one.reader_id == reader_id, verdict=one.verdict,
                             label=one.label, scores=one.scores or {}, reason=one.reason, blind=one.blind,
                             created_at=one.created_at) for one in prediction.reviews)


def _answer(prediction: Prediction, reader_id: int) -> Answer:
    image, case = prediction.image, prediction.image.case
    veiled = is_veiled(case, prediction, reader_id)
    said: dict[str, Any] = {"outcome": HIDDEN, "scores": {}} if veiled else {
        "outcome": prediction.outcome, "reason": prediction.reason, "label": prediction.label,
        "scores": prediction.scores, "ms": prediction.ms, "demonstration": bool(prediction.demonstration),
        "demonstration_note": prediction.demonstration}
    return Answer(id=prediction.id, case=case.id, image=image.id, file=image.name, model=prediction.model,
                  version=prediction.version, weights_sha256=prediction.weights_sha256,
                  reviewed=any(one.reader_id == reader_id for one in prediction.reviews),
                  created_at=prediction.created_at, **said)
