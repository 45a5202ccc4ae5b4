"""Opens cases and finds them again; every function is told whose cases it may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from models.engine import Engine
from models.imaging.limits import OUR_OWN
from models.imaging.thumbnail import thumbnail_jpeg
from models.sandbox.pool import decode
from models.spec import ModelSpec
from portal.extensions import db
from portal.services import audit, pseudonyms, site
from portal.services.blind import HIDDEN, is_veiled, starts_blind
from portal.services.errors import BadPseudonym, NotFound
from portal.services.samples import is_drawn
from portal.services.scores import summary_of
from portal.services.slides import pixels
from portal.services.slides.opened import OpenSlides
from portal.storage import access, cases, images
from portal.storage.cases import CaseFilter, PredictionSummary
from portal.storage.files import Files
from portal.storage.pages import Page
from portal.storage.tables.cases import Case, Image
from portal.storage.tables.readings import Prediction, Review

VEILED: dict[str, Any] = {"outcome": HIDDEN, "label": None, "score": None, "summary": "", "demonstration": "",
                          "reason": "", "reading": ""}
"""What a list shows of a prediction that its reader may not see yet."""
PAGE_SIZE = 25
THUMBNAIL_SIDE = 160


@dataclass(frozen=True, kw_only=True)
class Found:
    """One kind of answer in a case: a label or an outcome, and whether it only demonstrates."""

    text: str
    demonstration: bool


@dataclass(frozen=True, kw_only=True)
class CaseRow:
    """One case in the history: its images, those waiting for a review, those no model has read, what was found."""

    id: int
    patient: str
    specimen: str
    shared_by: str
    created_at: datetime
    images: int
    waiting: int
    unread: int
    findings: tuple[Found, ...]


@dataclass(frozen=True, kw_only=True)
class PredictionLine:
    """A prediction as the case page lists it."""

    id: int
    model: str
    version: str
    title: str
    outcome: str
    label: str | None
    score: float | None
    summary: str
    demonstration: str
    reason: str
    reading: str


@dataclass(frozen=True, kw_only=True)
class ImageCard:
    """An image of a case with what was said of it; none when the model could not be run."""

    id: int
    name: str
    kind: str
    format: str
    width: int
    height: int
    um_per_px: float | None
    size: int
    uploaded_at: datetime
    serial: str
    specimen_group: str
    drawn: bool
    predictions: tuple[PredictionLine, ...]


def create_case(actor: audit.Actor, owner_id: int, patient: str, specimen: str, note: str,
                blind: bool | None = None) -> int:
    """Open a case and return its id; `blind` is what was asked for, None when nobody was asked.

    A pseudonym that looks like a person is kept as it is, and that it does is recorded, without the text. Raises
    BadPseudonym where it does not follow the administrator's mask.
    """
    mask = site.load().pseudonym_mask
    if not pseudonyms.fits(mask, patient):
        raise BadPseudonym(pseudonyms.told(mask))
    doubts = pseudonyms.doubts_about(patient)
    case = Case(owner_id=owner_id, patient=patient, specimen=specimen, note=note, blind=starts_blind(blind))
    cases.add_case(case)
    access.add_reader(case.id, owner_id, owner_id)
    audit.record(actor, "case.create", f"case:{case.id}")
    if doubts:
        audit.record(actor, "case.pseudonym-doubt", f"case:{case.id}", looks_like=[one.code for one in doubts])
    db.session.commit()
    return case.id


def get_case(case_id: int, reader_id: int) -> Case:
    """A case of the reader's own or shared with them. Raises NotFound, also for somebody else's."""
    case = cases.find_case(case_id, reader_id)
    if case is None:
        raise NotFound
    return case


def may_read(case_id: int, reader_id: int) -> bool:
    """Whether the case is the reader's own or shared with them."""
    return cases.find_case(case_id, reader_id) is not None


def get_image(image_id: int, reader_id: int) -> Image:
    """An image in one of the reader's cases. Raises NotFound."""
    image = images.find_image(image_id, reader_id)
    if image is None:
        raise NotFound
    return image


def draw_thumbnail(slides: OpenSlides, store: Files, image: Image) -> bytes:
    """A small JPEG of an image, which is decoded as a whole, or of a slide, which is not."""
    if image.kind == "slide":
        return pixels.draw_thumbnail(slides, image, THUMBNAIL_SIDE)
    return thumbnail_jpeg(decode(store.read(image.stored_as), OUR_OWN).pixels, THUMBNAIL_SIDE)


def list_cases(reader_id: int, wanted: CaseFilter, number: int) -> Page[CaseRow]:
    """A page of the reader's history."""
    page = cases.list_cases(reader_id, wanted, number, PAGE_SIZE)
    ids = [case.id for case in page.items]
    counts = cases.count_images(ids)
    found = cases.summarise_predictions(ids, reader_id)
    rows = tuple(_case_row(case, reader_id, counts.get(case.id, 0), [one for one in found if one.case_id == case.id])
                 for case in page.items)
    return Page(items=rows, number=page.number, size=page.size, total=page.total, more=page.more)


def load_images(case: Case) -> list[Image]:
    """A case's images with all that was said of them, oldest first: once for all that a page tells of them."""
    return images.list_images(case.id)


def list_cards(engine: Engine, case: Case, loaded: Sequence[Image], reader_id: int) -> list[ImageCard]:
    """The images with their predictions as this reader may see them, newest first."""
    return [_image_card(engine, case, image, reader_id) for image in reversed(loaded)]


def shared_by(case: Case, reader_id: int) -> str:
    """Whose case it is, when it is not this reader's own."""
    return "" if case.owner_id == reader_id else case.owner.name


def score_of(prediction: Prediction) -> float | None:
    """The model score of the label, where the label has one."""
    score = prediction.scores.get(prediction.label) if prediction.label else None
    return score if isinstance(score, float) else None


def reading_of(spec: ModelSpec, prediction: Prediction) -> str:
    """The latest review in words; nothing while there is none."""
    return words_of(spec, prediction.reviews[-1]) if prediction.reviews else ""


def words_of(spec: ModelSpec, review: Review) -> str:
    """What a review says, in a few words."""
    read = ", ".join(filter(None, (review.label, summary_of(spec, review.label, review.scores or {}))))
    words = {"agree": "Agreed", "override": f"Read as {read}", "cannot-judge": "Cannot be judged"}
    return words[review.verdict]


def _case_row(case: Case, reader_id: int, image_count: int, found: list[PredictionSummary]) -> CaseRow:
    findings = dict.fromkeys(Found(text=one.label or one.outcome, demonstration=bool(one.demonstration))
                             for one in found if one.reviewed or not case.blind)
    return CaseRow(id=case.id, patient=case.patient, specimen=case.specimen, created_at=case.created_at,
                   shared_by=shared_by(case, reader_id), images=image_count,
                   waiting=sum(not one.reviewed for one in found),
                   unread=image_count - len({one.image_id for one in found}), findings=tuple(findings))


def _image_card(engine: Engine, case: Case, image: Image, reader_id: int) -> ImageCard:
    return ImageCard(id=image.id, name=image.name, kind=image.kind, format=image.format, width=image.width,
                     height=image.height, um_per_px=image.um_per_px, size=image.size,
                     uploaded_at=image.uploaded_at, serial=image.serial,
                     specimen_group=image.specimen_group, drawn=is_drawn(image.name),
                     predictions=tuple(_prediction_line(engine, case, one, reader_id) for one in image.predictions))


def _prediction_line(engine: Engine, case: Case, prediction: Prediction, reader_id: int) -> PredictionLine:
    spec = engine.recorded_spec(prediction.model, prediction.version)
    line = PredictionLine(id=prediction.id, model=prediction.model, version=prediction.version,
                          title=spec.title, outcome=prediction.outcome,
                          label=prediction.label, score=score_of(prediction),
                          summary=summary_of(spec, prediction.label, prediction.scores),
                          demonstration=prediction.demonstration, reason=prediction.reason,
                          reading=reading_of(spec, prediction))
    return replace(line, **VEILED) if is_veiled(case, prediction, reader_id) else line
