"""What a reader says of a prediction. A review is a row of its own; the prediction never changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.engine import Engine
from models.spec import ModelSpec
from portal.extensions import db
from portal.services import audit
from portal.services.blind import is_veiled, never_shown
from portal.services.by_hand import repeats_the_model, settle_scores, sheet_of
from portal.services.errors import BadReview
from portal.services.results import get_prediction
from portal.storage import work_items
from portal.storage.tables import Prediction, Review

NOTHING_TO_AGREE = "The model gave nothing to agree with. Record your own reading instead."
SAY_WHY = "Say in a few words why you override the model."


def create_review(engine: Engine, actor: audit.Actor, reader_id: int, prediction_id: int, verdict: str,
                  label: str, reason: str, scores: Mapping[str, float | str | None]) -> None:
    """Add a review. Raises NotFound or BadReview."""
    prediction = get_prediction(prediction_id, reader_id)
    spec = engine.recorded_spec(prediction.model, prediction.version)
    reason, blind = reason.strip(), is_veiled(prediction.image.case, prediction, reader_id)
    kept_label, kept_scores = _settle(spec, prediction, verdict, label, reason, scores, blind=blind)
    if blind and verdict == "override" and kept_label and kept_label == prediction.label and not kept_scores:
        verdict = "agree"
    unseen = never_shown(prediction.image.case, prediction, reader_id)
    db.session.add(Review(prediction_id=prediction.id, reader_id=reader_id, verdict=verdict, blind=unseen,
                          label=kept_label, scores=kept_scores, reason=reason))
    work_items.mark_reviewed(prediction.id, reader_id)
    audit.record(actor, "review.create", f"prediction:{prediction.id}", verdict=verdict, label=kept_label,
                 model_label=prediction.label)
    db.session.commit()


def _settle(spec: ModelSpec, prediction: Prediction, verdict: str, label: str, reason: str,
            scores: Mapping[str, float | str | None], *, blind: bool) -> tuple[str | None, dict[str, Any] | None]:
    """The label and the scores that a review stands for. Raises BadReview.

    An answer that only demonstrates is none, and neither is one that its reader has not seen.
    """
    answered = prediction.outcome == "scored" and not prediction.demonstration and not blind
    sheet = sheet_of(spec)
    if verdict != "override" or not sheet.has_scores:
        outcome, predicted = ("scored", prediction.label) if answered else ("refused", None)
        return settle_label(outcome, predicted, sheet.labels, verdict, label, reason), None
    followed, kept = settle_scores(spec, scores)
    if answered and repeats_the_model(spec, prediction.scores, kept):
        raise BadReview("Those are the model’s own scores: choose “agree”, or change one.")
    if answered and not reason:
        raise BadReview(SAY_WHY)
    if not sheet.labels:
        return followed, kept
    return settle_label("refused", None, sheet.labels, verdict, label, reason), kept


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
