"""Everything a clinician is shown of one prediction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models.engine import Engine
from models.imaging.layers import overlay_png
from models.spec import Finding, ModelSpec
from portal.services.errors import NotFound
from portal.services.evidence import packed_layer
from portal.services.samples import is_drawn
from portal.storage import predictions
from portal.storage.tables import Prediction, Review


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One class and its probability in 0..1."""

    label: str
    value: float
    chosen: bool


@dataclass(frozen=True, kw_only=True)
class ReviewLine:
    """One review, as written."""

    reader: str
    verdict: str
    label: str | None
    reason: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Result:
    """One prediction with its reasons, its model, its image and its reviews."""

    id: int
    case_id: int
    patient: str
    specimen: str
    image_id: int
    image_name: str
    width: int
    height: int
    drawn: bool
    model: str
    title: str
    version: str
    weights_sha256: str
    outcome: str
    reason: str
    label: str | None
    meaning: str
    answer: str
    notice: str
    score_name: str
    bars: tuple[Bar, ...]
    findings: tuple[Finding, ...]
    has_heatmap: bool
    preprocessing: str
    ms: float
    created_at: datetime
    labels: tuple[str, ...]
    reviews: tuple[ReviewLine, ...]


def get_result(engine: Engine, prediction_id: int, owner_id: int) -> Result:
    """The result page's content. Raises NotFound, also for somebody else's."""
    prediction = get_prediction(prediction_id, owner_id)
    spec = engine.recorded_spec(prediction.model, prediction.version)
    image, case = prediction.image, prediction.image.case
    return Result(
        id=prediction.id, case_id=case.id, patient=case.patient, specimen=case.specimen,
        image_id=image.id, image_name=image.name, width=image.width, height=image.height,
        drawn=is_drawn(image.name), model=prediction.model, title=spec.title, version=prediction.version,
        weights_sha256=prediction.weights_sha256, outcome=prediction.outcome, reason=prediction.reason,
        label=prediction.label, meaning=spec.meaning(prediction.label),
        answer=spec.answer.format(label=prediction.label) if prediction.label else "",
        notice=spec.notice, score_name="probability" if spec.calibrated else "model score",
        bars=_bars(spec, prediction), findings=tuple(Finding(**one) for one in prediction.findings),
        has_heatmap=bool(prediction.layers), preprocessing=spec.preprocessing, ms=prediction.ms,
        created_at=prediction.created_at, labels=tuple(one.name for one in spec.labels),
        reviews=tuple(_review_line(one) for one in prediction.reviews))


def get_prediction(prediction_id: int, owner_id: int) -> Prediction:
    """The row with its image and case. Raises NotFound."""
    prediction = predictions.find_prediction(prediction_id, owner_id)
    if prediction is None:
        raise NotFound
    return prediction


def draw_layer(prediction_id: int, owner_id: int, name: str | None = None) -> bytes:
    """A transparent layer of a prediction as PNG, the first without a name. Raises NotFound when it has none."""
    prediction = get_prediction(prediction_id, owner_id)
    held = packed_layer(prediction, name)
    if held is None:
        raise NotFound
    return overlay_png(*held, prediction.image.width, prediction.image.height)


def _bars(spec: ModelSpec, prediction: Prediction) -> tuple[Bar, ...]:
    """The classes in the model's own order, so that two results compare at a glance."""
    return tuple(Bar(label=one.name, value=prediction.scores[one.name], chosen=one.name == prediction.label)
                 for one in spec.labels if one.name in prediction.scores)


def _review_line(review: Review) -> ReviewLine:
    return ReviewLine(reader=review.reader.name, verdict=review.verdict, label=review.label,
                      reason=review.reason, created_at=review.created_at)
