"""What a reader says of a prediction. A review is a row of its own; the prediction never changes."""

from __future__ import annotations

from models.engine import Engine
from portal.extensions import db
from portal.services import audit
from portal.services.errors import BadReview
from portal.services.results import get_prediction
from portal.storage.tables import Review


def create_review(engine: Engine, actor: audit.Actor, reader_id: int, prediction_id: int,
                  verdict: str, label: str, reason: str) -> None:
    """Add a review. Raises NotFound or BadReview."""
    prediction = get_prediction(prediction_id, reader_id)
    labels = tuple(one.name for one in engine.recorded_spec(prediction.model, prediction.version).labels)
    kept_label = settle_label(prediction.outcome, prediction.label, labels, verdict, label, reason.strip())
    db.session.add(Review(prediction_id=prediction.id, reader_id=reader_id, verdict=verdict,
                          label=kept_label, reason=reason.strip()))
    audit.record(actor, "review.create", f"prediction:{prediction.id}", verdict=verdict, label=kept_label,
                 model_label=prediction.label)
    db.session.commit()


def settle_label(outcome: str, predicted: str | None, labels: tuple[str, ...],
                 verdict: str, label: str, reason: str) -> str | None:
    """The label that a review stands for. Raises BadReview when it contradicts itself."""
    if verdict == "cannot-judge":
        return None
    if verdict == "agree":
        if outcome != "scored":
            raise BadReview("The model gave no class to agree with. Record your own reading instead.")
        return predicted
    if label not in labels:
        raise BadReview("Choose the class that you read.")
    if label == predicted:
        raise BadReview("That is the class the model gave: choose “agree”, or another class.")
    if outcome == "scored" and not reason:
        raise BadReview("Say in a few words why you override the model.")
    return label
