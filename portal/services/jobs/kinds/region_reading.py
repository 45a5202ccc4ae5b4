"""Cuts a box out of a slide, keeps it as an image of its own and has it read like any other."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError

from models.engine import UnknownModel
from models.imaging.decode import Picture, decode
from models.imaging.errors import Unreadable
from models.imaging.limits import OUR_OWN
from models.imaging.scrub import png_bytes
from models.slides.kept import KeptSlide
from models.slides.window import open_window
from models.spec import ModelSpec
from portal.extensions import db
from portal.services import audit, keeping
from portal.services.errors import NotChosen
from portal.services.jobs.kinds.slide_reading import NO_MODEL, NO_SLIDE, NOT_KEPT
from portal.services.jobs.work import JobFailed, Work
from portal.services.reading import measured, read_picture
from portal.services.slides.regions import Box, Cut, cut_of
from portal.storage import images, predictions
from portal.storage.files import FilesUnavailable
from portal.storage.tables.cases import Image
from portal.storage.tables.readings import Prediction

NAME = "region-reading"
PATIENCE = 300.0
"""One image is read without a sign of life: a large one takes a minute or two."""


@dataclass(frozen=True, kw_only=True)
class _Region:
    """What was cut out, as the bytes that are kept."""

    data: bytes
    picture: Picture
    sha256: str


def run(work: Work) -> dict[str, Any]:
    """`params`: `image`, `box`, `model`, `version`. The result names the new image and its prediction."""
    params = work.job.params
    slide = images.find_image(params["image"], work.job.owner_id)
    if slide is None or slide.kind != "slide":
        raise JobFailed(NO_SLIDE)
    try:
        spec = work.desk.engine.spec(params["model"], params["version"])
    except UnknownModel as problem:
        raise JobFailed(NO_MODEL) from problem
    left, top, width, height = params["box"]
    box = (left, top, width, height)
    cut = _cut_of(work, slide, spec, box)
    work.progress(0, 2, "Cutting the region out")
    region = _cut_out(work, slide, box, cut)
    work.progress(1, 2, "Reading the region")
    return _read(work, slide, spec, box, cut, region)


def _cut_of(work: Work, slide: Image, spec: ModelSpec, box: Box) -> Cut:
    try:
        return cut_of(box, slide, spec.scale, work.desk.limits.max_pixels)
    except NotChosen as problem:
        raise JobFailed(str(problem)) from problem


def _cut_out(work: Work, slide: Image, box: Box, cut: Cut) -> _Region:
    """The same box of the same slide gives the same bytes, however often it is cut."""
    left, top, width, height = box
    edges = (left, top, left + width, top + height)
    try:
        with work.transfer():
            path = work.desk.store.local(slide.stored_as)
        work.check()
        with KeptSlide(path) as kept:
            pixels = open_window(kept, width / cut.width, edges).cut(edges, (cut.width, cut.height))
    except FilesUnavailable:
        raise
    except (OSError, Unreadable) as problem:
        raise JobFailed(NOT_KEPT) from problem
    data = png_bytes(pixels)
    return _Region(data=data, picture=decode(data, OUR_OWN), sha256=hashlib.sha256(data).hexdigest())


def _read(work: Work, slide: Image, spec: ModelSpec, box: Box, cut: Cut, region: _Region) -> dict[str, Any]:
    known = images.find_image_by_content(slide.case_id, region.sha256)
    said = known and predictions.find_prediction_of(known.id, spec.key, spec.version)
    if said:
        return _result(said)
    case_id = slide.case_id
    timed = read_picture(work.desk.engine, spec.key, region.picture, measured(region.picture, cut.um_per_px),
                         spec.version)
    image = known or _new_image(work, slide, box, cut, region)
    stored_as, actor = image.stored_as, audit.Actor(user_id=work.job.owner_id)
    try:
        prediction = keeping.add_prediction(actor, image, spec, timed.reading, um_per_px=cut.um_per_px, ms=timed.ms,
                                            pixels=region.picture.pixels)
    except IntegrityError:
        # The same box was cut out at the same moment, and that one came first.
        db.session.rollback()
        if known is None:
            work.desk.store.delete(stored_as)
        first = images.find_image_by_content(case_id, region.sha256)
        said = first and predictions.find_prediction_of(first.id, spec.key, spec.version)
        if not said:
            raise
        return _result(said)
    return _result(prediction)


def _new_image(work: Work, slide: Image, box: Box, cut: Cut, region: _Region) -> Image:
    name = f"region of {slide.name} at {box[0]}, {box[1]}"
    image = keeping.write_image(work.desk.store, slide.case_id, name, region.sha256, region.data, region.picture)
    image.um_per_px, image.cut_from_id, image.cut_box = cut.um_per_px, slide.id, list(box)
    image.serial, image.specimen_group = slide.serial, slide.specimen_group
    return image


def _result(prediction: Prediction) -> dict[str, Any]:
    return {"prediction": prediction.id, "image": prediction.image_id}
