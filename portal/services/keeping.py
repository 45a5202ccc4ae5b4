"""How an image and what a model says of it become rows: the one way of uploads and of jobs."""

from __future__ import annotations

from dataclasses import asdict

from models.imaging.decode import Picture
from models.imaging.scrub import scrub
from models.spec import ModelSpec, Pixels, Reading
from portal.extensions import db
from portal.services import audit, model_runs
from portal.services.errors import CaseGone
from portal.services.evidence import keep_evidence, keep_layers
from portal.services.image_fields import fields_of_name
from portal.storage import access, work_items
from portal.storage.files import Files
from portal.storage.tables.cases import Image
from portal.storage.tables.readings import Prediction

NAME_LENGTH = 255


def write_image(store: Files, case_id: int, name: str, sha256: str, data: bytes, picture: Picture) -> Image:
    """The file on disk, without metadata, and its row, which is in no session yet."""
    clean = scrub(data, picture)
    return Image(case_id=case_id, sha256=sha256, name=name[:NAME_LENGTH],
                 stored_as=store.put(clean.data, clean.extension), content_type=clean.content_type,
                 format=picture.header.format, width=picture.width, height=picture.height, size=len(data),
                 **fields_of_name(name))


def add_prediction(actor: audit.Actor, image: Image, spec: ModelSpec, reading: Reading, *, um_per_px: float | None,
                   ms: float, pixels: Pixels | None = None) -> Prediction:
    """What a version said of an image: its row, its place on the readers' worklists and its audit row, all flushed.

    The image may be new; of its `pixels`, where they are at hand, only how they look is kept. The caller commits.
    Raises IntegrityError where this version has read the image already, and CaseGone where the case of an image that
    was there has been deleted.
    """
    # The case before the image, in the order in which a deletion holds them.
    if image.id is not None and not access.lock_case(image.case_id):
        raise CaseGone
    prediction = Prediction(
        image=image, model=spec.key, version=spec.version, weights_sha256=spec.weights_sha256,
        outcome=reading.outcome, reason=reading.reason, label=reading.label, scores=dict(reading.scores),
        findings=[asdict(finding) for finding in reading.findings], layers=keep_layers(reading),
        evidence=keep_evidence(reading, um_per_px), demonstration=spec.demonstration if reading.scores else "", ms=ms)
    db.session.add_all([image, prediction])
    db.session.flush()
    work_items.add_for_readers(prediction, image.case_id)
    model_runs.note_reading(spec, reading, ms=ms, size=(image.width, image.height), um_per_px=um_per_px, pixels=pixels)
    audit.record(actor, "image.read", f"image:{image.id}", case=image.case_id, model=spec.key, version=spec.version,
                 outcome=prediction.outcome)
    return prediction
