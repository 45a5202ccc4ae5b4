"""Takes one image into a case and has it read: the file first, then one transaction for all its rows."""

from __future__ import annotations

import hashlib
import logging
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError

from models.engine import Engine
from models.imaging.decode import Picture
from models.imaging.errors import Unreadable
from models.imaging.limits import Limits
from models.sandbox.pool import decode
from models.spec import Micrograph, ModelSpec
from portal.extensions import db
from portal.services import audit, keeping, model_runs, offers
from portal.services.blind import HIDDEN, is_veiled
from portal.services.errors import CaseGone, PixelSizeProblem
from portal.services.file_facts import facts
from portal.services.reading import (
    TimedReading,
    check_pixel_size,
    demonstration_fields,
    measured,
    read_picture,
)
from portal.services.scores import summary_of
from portal.storage import cases, images, predictions
from portal.storage.files import Files
from portal.storage.tables.cases import Image
from portal.storage.tables.readings import Prediction

log = logging.getLogger("portal.uploads")

KEPT_UNREAD = "The model could not be run. The image is kept; send it again later and it will be read then."

NOT_STORED = ("The image could not be stored. Tell your administrator: the disk may be full, or the "
              "storage for files does not answer. Nothing was kept of it.")

GONE = "The case was deleted while the image was on its way. Nothing was kept of it."


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What reading an upload needs: the engine, the store for files with a thread that writes, and the limits."""

    engine: Engine
    store: Files
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
        return _reject(actor, case_id, spec, name, str(problem), problem.code, facts(name, len(data), sha256))
    except PixelSizeProblem as problem:
        return _reject(actor, case_id, spec, name, str(problem), "pixel-size", facts(name, len(data), sha256))
    # The disk and the model work at the same time; both are done before any row is written.
    kept = None if known else desk.writer.submit(keeping.write_image, desk.store, case_id, name, sha256, data, picture)
    timed = _read_if_possible(desk.engine, spec, picture, micrograph, sha256)
    try:
        image = kept.result() if kept else known
    except OSError:
        log.exception("an image could not be written")
        return Verdict(file=name, model=spec.key, version=spec.version, outcome="error", reason=NOT_STORED,
                       code="not-stored")
    assert image is not None
    known_id = known.id if known else None
    try:
        image.um_per_px = micrograph.um_per_px
        return _commit(actor, spec, name, image, timed)
    except (CaseGone, IntegrityError, ObjectDeletedError, StaleDataError):
        # Somebody sent the same bytes at the same moment and was first: theirs is the record. Or the case was deleted.
        db.session.rollback()
        if known_id is None:
            desk.store.delete(image.stored_as)
        if cases.load_case(case_id) is None:
            return Verdict(file=name, model=spec.key, version=spec.version, outcome="error", reason=GONE, code="gone")
        if known_id is not None and not predictions.find_prediction_of(known_id, spec.key, spec.version):
            raise
        return receive_image(desk, actor, case_id, model, name, data, um_per_px)


def _reject(actor: audit.Actor, case_id: int, spec: ModelSpec, name: str, reason: str, code: str,
            told: dict[str, str | int]) -> Verdict:
    model_runs.note_failure(spec, "unreadable", code)
    audit.record(actor, "image.reject", f"case:{case_id}", code=code, **told)
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


def _commit(actor: audit.Actor, spec: ModelSpec, name: str, image: Image, timed: TimedReading | None) -> Verdict:
    """One transaction for the image, what was said of it, and the audit row."""
    # Before the commit: afterwards every field would be read from the database once more.
    verdict = _read(actor, spec, name, image, timed) if timed else _unread(actor, spec, name, image)
    db.session.commit()
    return verdict


def _read(actor: audit.Actor, spec: ModelSpec, name: str, image: Image, timed: TimedReading) -> Verdict:
    prediction = keeping.add_prediction(actor, image, timed.spec, timed.reading, um_per_px=timed.um_per_px,
                                        ms=timed.ms, pixels=timed.picture.pixels)
    return _verdict(spec, name, prediction, veiled=image.case.blind)


def _unread(actor: audit.Actor, spec: ModelSpec, name: str, image: Image) -> Verdict:
    db.session.add(image)
    db.session.flush()
    model_runs.note_failure(spec, "failed", "model-failed")
    audit.record(actor, "image.keep", f"image:{image.id}", case=image.case_id, model=spec.key, version=spec.version,
                 outcome="error")
    return Verdict(file=name, model=spec.key, version=spec.version, outcome="error", reason=KEPT_UNREAD,
                   image=image.id, code="model-failed")


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
