"""Has a system read a whole slide, in parts that are never read twice."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import IntegrityError

from models.engine import NoSlides, UnknownModel, WeightsError
from models.imaging.errors import Unreadable
from models.slides.kept import KeptSlide
from models.slides.reading import SlidePlan, SlideSystem, unpack_plan
from models.spec import ModelSpec
from portal.extensions import db
from portal.services import audit, keeping
from portal.services.jobs.work import GiveWay, JobFailed, Work
from portal.storage import images, jobs, predictions
from portal.storage.files import FilesUnavailable
from portal.storage.tables.cases import Image
from portal.storage.tables.readings import Prediction

NAME = "slide-reading"
PATIENCE = 120.0
PLAN = 0
"""The number under which the plan is kept; part n of the slide has number n + 1."""
REMEMBERED = 96
"""Decoded tiles of the slide: two rows of them across a wide one, 75 MB."""
NO_SLIDE = "This slide is no longer in a case of yours, so it was not read."
NO_MODEL = "This version of the system is no longer installed here. Have the slide read again with another."
ONLY_IMAGES = "This system reads images, not whole slides. Open the slide, cut a region out, and have that read."
NOT_KEPT = "The slide's file is missing or damaged. Tell your administrator, and send the slide again."


def run(work: Work) -> dict[str, Any]:
    """`params`: `image`, `model`, `version`. The result names the prediction, new or made by another before."""
    params, owner = work.job.params, work.job.owner_id
    image = images.find_image(params["image"], owner)
    if image is None or image.kind != "slide":
        raise JobFailed(NO_SLIDE)
    known = predictions.find_prediction_of(image.id, params["model"], params["version"])
    if known:
        return _result(known)
    spec, system = open_system(work, params["model"], params["version"])
    try:
        with work.transfer():
            path = work.desk.store.local(image.stored_as)
        work.check()
        with KeptSlide(path, REMEMBERED) as slide:
            plan, parts = _read(work, _Reading(slide=slide, image=image, system=system))
    except FilesUnavailable:
        raise
    except (OSError, Unreadable) as problem:
        raise JobFailed(NOT_KEPT) from problem
    made = _keep(work, image, spec, system.combine(plan, parts))
    # How many parts there were would tell a blind reader whether the model refused the slide.
    work.ends_as(1, 1)
    return made


def open_system(work: Work, model: str, version: str) -> tuple[ModelSpec, SlideSystem]:
    """The version that was asked for. Raises JobFailed where it cannot read slides, or not any more."""
    engine = work.desk.engine
    try:
        return engine.spec(model, version), engine.slides(model, version)
    except NoSlides as problem:
        raise JobFailed(ONLY_IMAGES) from problem
    except (UnknownModel, WeightsError) as problem:
        raise JobFailed(NO_MODEL) from problem


@dataclass(kw_only=True)
class _Reading:
    slide: KeptSlide
    image: Image
    system: SlideSystem
    over: GiveWay | None = field(default=None)
    """Set when this turn has lasted long enough: what is under way is still finished and kept."""

    def numbers(self, plan: SlidePlan, finished: Collection[int]) -> Iterator[int]:
        for number in range(plan.parts):
            if self.over:
                return
            if number + 1 not in finished:
                yield number


def _read(work: Work, reading: _Reading) -> tuple[SlidePlan, dict[int, bytes]]:
    """The plan and every part of it. Raises GiveWay when the turn is over before the slide is."""
    plan = _plan(work, reading)
    finished = work.finished_parts()
    done = len(finished - {PLAN})
    for number, content in reading.system.read(reading.slide, plan, reading.numbers(plan, finished)):
        done += 1
        _keep_part(work, reading, number + 1, content, done, plan.parts)
    if reading.over:
        raise reading.over
    kept = work.parts()
    return plan, {number - 1: content for number, content in kept.items() if number != PLAN}


def _plan(work: Work, reading: _Reading) -> SlidePlan:
    """The plan that an earlier turn kept, or a new one."""
    held = work.part(PLAN)
    if held:
        return unpack_plan(held)
    plan = reading.system.plan(reading.slide, reading.image.um_per_px)
    _keep_part(work, reading, PLAN, plan.pack(), 0, max(plan.parts, 1))
    return plan


def _keep_part(work: Work, reading: _Reading, number: int, content: bytes, done: int, total: int) -> None:
    try:
        work.keep(number, content, done=done, total=total, note=f"Part {done} of {total} read" if done else "Planned")
    except GiveWay as over:
        reading.over = over


def _keep(work: Work, image: Image, spec: ModelSpec, reading: Any) -> dict[str, Any]:
    """The prediction in the session; if somebody else's came first, that one."""
    job = jobs.load_job(work.job.id)
    actor = audit.Actor(user_id=work.job.owner_id)
    image_id, ms = image.id, round((job.worked_s if job else 0.0) * 1000, 1)
    try:
        prediction = keeping.add_prediction(actor, image, spec, reading, um_per_px=image.um_per_px, ms=ms)
    except IntegrityError:
        db.session.rollback()
        known = predictions.find_prediction_of(image_id, spec.key, spec.version)
        if known is None:
            raise
        return _result(known)
    return _result(prediction)


def _result(prediction: Prediction) -> dict[str, Any]:
    return {"prediction": prediction.id, "image": prediction.image_id}
