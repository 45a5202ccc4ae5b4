"""What a reader says of a prediction. A review is a row of its own; the prediction never changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.engine import Engine
from models.spec import ModelSpec
from portal.extensions import db
from portal.services import audit
from portal.services.blind import is_veiled, never_shown
from portal.services.by_hand import repeats_the_model, settle_answers, settle_scores, sheet_of
from portal.services.counting import Correction, count, follow, may_recount, settle_corrections
from portal.services.errors import BadReview
from portal.services.evidence import placed_nuclei
from portal.services.history import in_one_line, stands_for
from portal.services.results import get_prediction
from portal.storage import drafts, work_items
from portal.storage.tables.readings import Prediction, Review

NOTHING_TO_AGREE = "The model gave nothing to agree with. Record your own reading instead."
NOTHING_TO_COUNT = "There are no counted nuclei to change here."
SAY_WHY = "Say in a few words why you override the model."


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a reader filled in: `scores` by the system's keys, `corrections` as [number of a nucleus, class]."""

    verdict: str
    label: str = ""
    reason: str = ""
    scores: Mapping[str, float | str | None] = field(default_factory=dict)
    corrections: Sequence[Any] = ()


@dataclass(frozen=True, kw_only=True)
class _Settled:
    """What a review stands for."""

    label: str | None
    scores: dict[str, Any] | None = None
    corrections: Sequence[Correction] = ()


def create_review(engine: Engine, actor: audit.Actor, reader_id: int, prediction_id: int, verdict: str,
                  label: str, reason: str, scores: Mapping[str, float | str | None],
                  corrections: Sequence[Any] = ()) -> None:
    """Add a review; the draft of it goes. Raises NotFound or BadReview."""
    prediction = get_prediction(prediction_id, reader_id)
    spec = engine.recorded_spec(prediction.model, prediction.version)
    blind = is_veiled(prediction.image.case, prediction, reader_id)
    given = Given(verdict=verdict, label=label, reason=reason.strip(), scores=scores, corrections=corrections)
    before = next((one for one in reversed(prediction.reviews) if one.reader_id == reader_id), None)
    kept = _settle(spec, prediction, given, blind=blind)
    unseen = never_shown(prediction.image.case, prediction, reader_id)
    review = Review(prediction_id=prediction.id, reader_id=reader_id, verdict=verdict, blind=unseen,
                    label=kept.label, scores=kept.scores, reason=given.reason,
                    corrections=[list(one) for one in kept.corrections] or None)
    if blind and verdict == "override" and kept.label and kept.label == prediction.label and not kept.scores:
        review.verdict = "agree"
    db.session.add(review)
    work_items.mark_reviewed(prediction.id, reader_id)
    drafts.delete_draft(prediction.id, reader_id)
    audit.record(actor, "review.create", f"prediction:{prediction.id}", verdict=review.verdict, label=kept.label,
                 model_label=prediction.label, nuclei_changed=len(kept.corrections),
                 old=in_one_line(stands_for(spec, prediction, before)) if before else None,
                 new=in_one_line(stands_for(spec, prediction, review)))
    db.session.commit()


def _settle(spec: ModelSpec, prediction: Prediction, given: Given, *, blind: bool) -> _Settled:
    """Raises BadReview.

    An answer that only demonstrates is none, and neither is one that its reader has not seen.
    """
    answered = prediction.outcome == "scored" and not prediction.demonstration and not blind
    sheet = sheet_of(spec)
    if given.verdict != "override" or not sheet.has_scores:
        outcome, predicted = ("scored", prediction.label) if answered else ("refused", None)
        return _Settled(label=settle_label(outcome, predicted, sheet.labels, given.verdict, given.label, given.reason))
    counted = _settle_count(spec, prediction, given, blind=blind) if given.corrections else None
    if counted is None:
        followed, kept = settle_scores(spec, given.scores)
        if answered and repeats_the_model(spec, prediction.scores, kept):
            raise BadReview("Those are the model’s own scores: choose “agree”, or change one.")
        counted = _Settled(label=followed, scores=kept)
    if answered and not given.reason:
        raise BadReview(SAY_WHY)
    if not sheet.labels:
        return counted
    label = settle_label("refused", None, sheet.labels, given.verdict, given.label, given.reason)
    return _Settled(label=label, scores=counted.scores, corrections=counted.corrections)


def _settle_count(spec: ModelSpec, prediction: Prediction, given: Given, *, blind: bool) -> _Settled | None:
    """What follows from nuclei put elsewhere, or None when none of them was. Raises BadReview."""
    if spec.recount is None or blind or not may_recount(spec, prediction):
        raise BadReview(NOTHING_TO_COUNT)
    nuclei = placed_nuclei(prediction)
    corrections = settle_corrections(spec.recount, nuclei, given.corrections)
    if not corrections:
        return None
    reading = follow(spec.recount, count(spec.recount, nuclei, corrections))
    scores = {**reading.scores, **settle_answers(spec, given.scores)}
    return _Settled(label=reading.label, scores=scores, corrections=corrections)


def settle_label(outcome: str, predicted: str | None, labels: tuple[str, ...],
                 verdict: str, label: str, reason: str) -> str | None:
    """The label that a review stands for. Raises BadReview when it contradicts itself."""
    if verdict == "cannot-judge":
        return None
    if verdict == "agree":
        if outcome != "scored":
            raise BadReview(NOTHING_TO_AGREE)
        return predicted
    if label not in labels:
        raise BadReview("Choose the class that you read.")
    if label == predicted:
        raise BadReview("That is the class the model gave: choose “agree”, or another class.")
    if outcome == "scored" and not reason:
        raise BadReview(SAY_WHY)
    return label
