"""Takes one image into a case and has it read: the file first, then one transaction for all its rows."""

from __future__ import annotations

import hashlib
import logging
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy.exc import IntegrityError

from models.engine import Engine
from models.imaging.decode import Picture, decode
from models.imaging.errors import Unreadable
from models.imaging.limits import Limits
from models.imaging.scrub import scrub
from models.spec import Micrograph, ModelSpec
from portal.extensions import db
from portal.services import audit, offers
from portal.services.blind import HIDDEN, is_veiled
from portal.services.errors import PixelSizeProblem
from portal.services.evidence import keep_evidence, keep_layers
from portal.services.image_fields import fields_of_name
from portal.services.reading import (
    TimedReading,
    check_pixel_size,
    demonstration_fields,
    measured,
    read_picture,
)
from portal.services.scores import summary_of
from portal.storage import images, predictions, work_items
from portal.storage.files import FileStore
from portal.storage.tables import Image, Prediction

log = logging.getLogger("portal.uploads")

NAME_LENGTH = 255
KEPT_UNREAD = "The model could not be run. The image is kept; send it again later and it will be read then."

NOT_STORED = "The image could not be stored. Tell your administrator: the disk may be full. Nothing was kept of it."


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What reading an upload needs: the engine, the store for files with a thread that writes, and the limits."""

    engine: Engine
    store: FileStore
    writer: Executor
    limits: Limits


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of one file. `code` names why it was not readable; ids are None when nothing was kept."""

    file: str
    model: str
    version: str
    outcome: str
    reason: str = ""
    label: str | None = None
    scores: dict[str, Any] = field(default_factory=dict)
    ms: float | None = None
    image: int | None = None
    prediction: int | None = None
    existing: bool = False
    code: str = ""
    summary: str = ""
    demonstration: bool = False
    demonstration_note: str = ""


def receive_image(desk: Desk, actor: audit.Actor, case_id: int, model: str, name: str, data: bytes,
                  um_per_px: float | None = None) -> Verdict:
    """Keep and read one image. The same bytes in the same case answer with what is already there.

    `um_per_px` is the pixel size that the reader stated; it counts before what the file says of itself.
    """
    spec = offers.active_spec(desk.engine, model)
    sha256 = hashlib.sha256(data).hexdigest()
    known = images.find_image_by_content(case_id, sha256)
    existing = known and predictions.find_prediction_of(known.id, spec.key, spec.version)
    if existing:
        veiled = is_veiled(existing.image.case, existing, actor.user_id or 0)
        return _verdict(spec, name, existing, existing=True, veiled=veiled)
    try:
        picture = decode(data, desk.limits)
        micrograph = measured(picture, um_per_px or (known.um_per_px if known else None))
        check_pixel_size(spec, micrograph)
    except Unreadable as problem:
        return _reject(actor, case_id, spec, name, str(problem), problem.code)
    except PixelSizeProblem as problem:
        return _reject(actor, case_id, spec, name, str(problem), "pixel-size")
    # The disk and the model work at the same time; both are done before any row is written.
    kept = None if known else desk.writer.submit(_kept_image, desk.store, case_id, name, sha256, data, picture)
    timed = _read_if_possible(desk.engine, spec, picture, micrograph, sha256)
    try:
        image = kept.result() if kept else known
    except OSError:
        log.exception("an image could not be written")
        return Verdict(file=name, model=spec.key, version=spec.version, outcome="error", reason=NOT_STORED,
                       code="not-stored")
    assert image is not None
    image.um_per_px = micrograph.um_per_px
    try:
        return _commit(actor, spec, name, image, timed)
    except IntegrityError:
        # Somebody sent the same bytes at the same moment and was first: theirs is the record.
        db.session.rollback()
        if not known:
            desk.store.delete(image.stored_as)
        elif not predictions.find_prediction_of(known.id, spec.key, spec.version):
            raise
        return receive_image(desk, actor, case_id, model, name, data, um_per_px)


def _reject(actor: audit.Actor, case_id: int, spec: ModelSpec, name: str, reason: str, code: str) -> Verdict:
    audit.record(actor, "image.reject", f"case:{case_id}", name=name[:NAME_LENGTH], code=code)
    db.session.commit()
    return Verdict(file=name, model=spec.key, version=spec.version, outcome="error", reason=reason, code=code)


def _read_if_possible(engine: Engine, spec: ModelSpec, picture: Picture, micrograph: Micrograph,
                      sha256: str) -> TimedReading | None:
    try:
        return read_picture(engine, spec.key, picture, micrograph, spec.version)
    except Exception:
        # Whatever a model does, the clinician's image must not be lost with it.
        log.exception("model %s failed on image %s", spec.key, sha256)
        return None


def _kept_image(store: FileStore, case_id: int, name: str, sha256: str, data: bytes, picture: Picture) -> Image:
    clean = scrub(data, picture)
    return Image(case_id=case_id, sha256=sha256, name=name[:NAME_LENGTH],
                 stored_as=store.put(clean.data, clean.extension), content_type=clean.content_type,
                 format=picture.header.format, width=picture.width, height=picture.height, size=len(data),
                 **fields_of_name(name))


def _commit(actor: audit.Actor, spec: ModelSpec, name: str, image: Image, timed: TimedReading | None) -> Verdict:
    """One transaction for the image, what was said of it, and the audit row."""
    prediction = _prediction_row(image, timed) if timed else None
    db.session.add_all([image, prediction] if prediction else [image])
    db.session.flush()
    if prediction:
        work_items.add_for_readers(prediction, image.case_id)
    # Before the commit: afterwards every field would be read from the database once more.
    verdict = _verdict(spec, name, prediction, veiled=image.case.blind) if prediction else Verdict(
        file=name, model=spec.key, version=spec.version, outcome="error", reason=KEPT_UNREAD, image=image.id,
        code="model-failed")
    audit.record(actor, "image.read" if prediction else "image.keep", f"image:{image.id}", case=image.case_id,
                 model=spec.key, version=spec.version, outcome=prediction.outcome if prediction else verdict.outcome)
    db.session.commit()
    return verdict


def _prediction_row(image: Image, timed: TimedReading) -> Prediction:
    reading, spec = timed.reading, timed.spec
    return Prediction(image=image, model=spec.key, version=spec.version, weights_sha256=spec.weights_sha256,
                      outcome=reading.outcome, reason=reading.reason, label=reading.label,
                      scores=dict(reading.scores), findings=[asdict(finding) for finding in reading.findings],
                      layers=keep_layers(reading), evidence=keep_evidence(reading, timed.um_per_px),
                      demonstration=spec.demonstration if reading.scores else "", ms=timed.ms)


def _verdict(spec: ModelSpec, name: str, prediction: Prediction, *, existing: bool = False,
             veiled: bool = False) -> Verdict:
    """What a reader is told who may see it; of a veiled prediction no more than that it is there."""
    if veiled:
        return Verdict(file=name, model=prediction.model, version=prediction.version, outcome=HIDDEN,
                       image=prediction.image_id, prediction=prediction.id, existing=existing)
    return Verdict(file=name, model=prediction.model, version=prediction.version, outcome=prediction.outcome,
                   reason=prediction.reason, label=prediction.label, scores=prediction.scores, ms=prediction.ms,
                   image=prediction.image_id, prediction=prediction.id, existing=existing,
                   summary=summary_of(spec, prediction.label, prediction.scores),
                   **demonstration_fields(prediction.demonstration))
