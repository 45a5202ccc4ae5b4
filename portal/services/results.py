"""Everything a clinician is shown of one prediction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from models.engine import Engine
from models.imaging.heat import LONGEST_SIDE
from models.imaging.layers import overlay_png
from models.imaging.limits import OUR_OWN
from models.imaging.scrub import png_bytes
from models.imaging.thumbnail import crop_png
from models.sandbox.pool import decode
from models.spec import Finding, ModelSpec, Region, Swatch
from portal.services.blind import HIDDEN, is_veiled
from portal.services.by_hand import Sheet, notes_of, sheet_of, starting_numbers
from portal.services.counting import Correction, count, follow, may_recount, told
from portal.services.errors import NotFound
from portal.services.evidence import LayerLine, evidence_of, layers_of, packed_layer, placed_nuclei
from portal.services.history import Change, changes_between, stands_for
from portal.services.samples import is_drawn
from portal.services.scores import (
    Bar,
    MeasureLine,
    QuestionLine,
    bars_of,
    facts_of,
    lines_of,
    measures_of,
    questions_of,
)
from portal.services.slides.opened import OpenSlides
from portal.services.slides.pixels import Window, read_window
from portal.storage import predictions
from portal.storage.files import Files
from portal.storage.tables.cases import Image
from portal.storage.tables.readings import Prediction, Review

SHOWN_REGIONS = 12


@dataclass(frozen=True, kw_only=True)
class ReviewLine:
    """One review, as written; `scores` are names and texts, `notes` what belongs to them.

    `counted` says which nuclei were put elsewhere, `changes` what the same reader had said otherwise before.
    """

    reader: str
    verdict: str
    label: str | None
    scores: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    counted: tuple[str, ...]
    changes: tuple[Change, ...]
    blind: bool
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
    kind: str
    width: int
    height: int
    um_per_px: float | None
    serial: str
    specimen_group: str
    drawn: bool
    model: str
    title: str
    version: str
    weights_sha256: str
    outcome: str
    veiled: bool
    reason: str
    label: str | None
    meaning: str
    answer: str
    notice: str
    demonstration: str
    score_name: str
    bars: tuple[Bar, ...]
    measures: tuple[MeasureLine, ...]
    questions: tuple[QuestionLine, ...]
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    layers: tuple[LayerLine, ...]
    regions: tuple[Region, ...]
    more_regions: int
    nuclei: dict[str, int]
    findings: tuple[Finding, ...]
    preprocessing: str
    ms: float
    created_at: datetime
    sheet: Sheet
    numbers: dict[str, float]
    recount: tuple[Swatch, ...]
    """The classes into which nuclei may be counted again; none where there is nothing to count."""
    last_count: tuple[Correction, ...]
    """What this reader put elsewhere in their latest review."""
    readings: int
    """How many reviews this reader has recorded."""
    reviews: tuple[ReviewLine, ...]

    @property
    def may_agree(self) -> bool:
        """Whether there is an answer to agree with; one that only demonstrates, or is not shown yet, is none."""
        return self.outcome == "scored" and not self.demonstration and not self.veiled


def get_result(engine: Engine, prediction_id: int, reader_id: int) -> Result:
    """The result page's content. Raises NotFound, also for somebody else's."""
    prediction = get_prediction(prediction_id, reader_id, whole=True)
    spec = engine.recorded_spec(prediction.model, prediction.version)
    image, case = prediction.image, prediction.image.case
    evidence, scores = evidence_of(prediction), prediction.scores
    result = Result(
        id=prediction.id, case_id=case.id, patient=case.patient, specimen=case.specimen,
        image_id=image.id, image_name=image.name, kind=image.kind, width=image.width, height=image.height,
        um_per_px=evidence.um_per_px or image.um_per_px, serial=image.serial, specimen_group=image.specimen_group,
        drawn=is_drawn(image.name), model=prediction.model, title=spec.title, version=prediction.version,
        weights_sha256=prediction.weights_sha256, outcome=prediction.outcome,
        veiled=is_veiled(case, prediction, reader_id), reason=prediction.reason, label=prediction.label,
        meaning=spec.meaning(prediction.label), answer=_answer(spec, prediction),
        notice=spec.notice, demonstration=prediction.demonstration,
        score_name="probability" if spec.calibrated else "model score",
        bars=bars_of(spec, scores, prediction.label), measures=measures_of(spec, scores),
        questions=questions_of(spec, scores), facts=facts_of(spec, scores), notes=evidence.notes,
        layers=layers_of(prediction), regions=evidence.regions[:SHOWN_REGIONS],
        more_regions=max(0, len(evidence.regions) - SHOWN_REGIONS), nuclei=evidence.nuclei,
        findings=tuple(Finding(**one) for one in prediction.findings), preprocessing=spec.preprocessing,
        ms=prediction.ms, created_at=prediction.created_at, sheet=sheet_of(spec),
        numbers={} if prediction.demonstration else starting_numbers(spec, scores),
        recount=spec.recount.classes if spec.recount and may_recount(spec, prediction) else (),
        last_count=_last_count(prediction, reader_id), readings=count_readings(prediction, reader_id),
        reviews=_review_lines(spec, prediction))
    return _veil(result) if result.veiled else result


def _veil(result: Result) -> Result:
    """The same without anything that the model or another reader said."""
    return replace(result, outcome=HIDDEN, reason="", label=None, meaning="", answer="", demonstration="", bars=(),
                   measures=(), questions=(), facts=(), notes=(), layers=(), regions=(), more_regions=0, nuclei={},
                   findings=(), numbers={}, recount=(), last_count=(), reviews=(), ms=0.0)


def get_prediction(prediction_id: int, reader_id: int, *, whole: bool = False) -> Prediction:
    """The row with its image and case; `whole` with its layers and evidence too. Raises NotFound."""
    prediction = predictions.find_prediction(prediction_id, reader_id, whole=whole)
    if prediction is None:
        raise NotFound
    return prediction


def count_readings(prediction: Prediction, reader_id: int) -> int:
    """How many reviews this reader has recorded."""
    return sum(review.reader_id == reader_id for review in prediction.reviews)


def draw_layer(prediction_id: int, reader_id: int, name: str | None = None, side: int = LONGEST_SIDE) -> bytes:
    """A transparent layer of a prediction as PNG, the first without a name; of a pyramid, the map of at most `side`.

    Raises NotFound when it has none.
    """
    prediction = get_shown(prediction_id, reader_id)
    held = packed_layer(prediction, name, side)
    if held is None:
        raise NotFound
    return overlay_png(*held, prediction.image.width, prediction.image.height)


def find_region(prediction_id: int, reader_id: int, number: int) -> tuple[Image, Region]:
    """The image and the part of it that a region (from 1) names. Raises NotFound."""
    prediction = get_shown(prediction_id, reader_id)
    regions = evidence_of(prediction).regions[:SHOWN_REGIONS]
    if not 1 <= number <= len(regions):
        raise NotFound
    return prediction.image, regions[number - 1]


def draw_region(slides: OpenSlides, store: Files, image: Image, region: Region) -> bytes:
    """The part of the image as PNG; of a large part of a slide a smaller picture. Decodes the whole of an image."""
    if image.kind == "slide":
        window = Window(x=region.x, y=region.y, width=region.width, height=region.height)
        return png_bytes(read_window(slides, image, window))
    return crop_png(decode(store.read(image.stored_as), OUR_OWN).pixels, region)


def get_shown(prediction_id: int, reader_id: int) -> Prediction:
    """One that this reader may see. Raises NotFound, also for one that is still veiled."""
    prediction = get_prediction(prediction_id, reader_id, whole=True)
    if is_veiled(prediction.image.case, prediction, reader_id):
        raise NotFound
    return prediction


def _answer(spec: ModelSpec, prediction: Prediction) -> str:
    if prediction.outcome != "scored" or (prediction.label is None and "{label}" in spec.answer):
        return ""
    return spec.answer.format(label=prediction.label)


def _last_count(prediction: Prediction, reader_id: int) -> tuple[Correction, ...]:
    own = [one for one in prediction.reviews if one.reader_id == reader_id]
    return tuple((number, kind) for number, kind in own[-1].corrections or ()) if own else ()


def _review_lines(spec: ModelSpec, prediction: Prediction) -> tuple[ReviewLine, ...]:
    """In the order in which they were given, each against the same reader's one before."""
    lines, before = [], dict[int, dict[str, str]]()
    for review in prediction.reviews:
        said = stands_for(spec, prediction, review)
        earlier = before.get(review.reader_id)
        changes = changes_between(earlier, said) if earlier else ()
        lines.append(_review_line(spec, prediction, review, changes))
        before[review.reader_id] = said
    return tuple(lines)


def _review_line(spec: ModelSpec, prediction: Prediction, review: Review, changes: tuple[Change, ...]) -> ReviewLine:
    scores = review.scores or {}
    notes, counted = notes_of(spec, scores), tuple[str, ...]()
    if review.corrections and spec.recount:
        nuclei, corrections = placed_nuclei(prediction), [(number, kind) for number, kind in review.corrections]
        notes = follow(spec.recount, count(spec.recount, nuclei, corrections)).notes
        counted = told(nuclei, corrections)
    return ReviewLine(reader=review.reader.name, verdict=review.verdict, label=review.label,
                      scores=lines_of(spec, scores), notes=notes, counted=counted,
                      changes=changes, blind=review.blind, reason=review.reason, created_at=review.created_at)
