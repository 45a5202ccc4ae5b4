"""Has a slide, or a part of it, read: which systems can, and the job that does it."""

from __future__ import annotations

from models.engine import Engine, UnknownModel
from models.spec import ModelSpec
from portal.extensions import db
from portal.services import audit, offers
from portal.services.errors import NotChosen, NotFound, PixelSizeProblem
from portal.services.jobs import queue
from portal.services.jobs.carrier import Carrier
from portal.services.jobs.queue import Order
from portal.services.slides import regions
from portal.services.slides.regions import Box
from portal.storage import images, jobs
from portal.storage.tables.cases import Image

SLIDE, REGION = "slide-reading", "region-reading"
NOT_OFFERED = "Choose one of the systems that are offered."
NO_SLIDE = "This is no whole slide. Send the image again with another system to have it read by that."
ONLY_IMAGES = "“{title}” reads images, not whole slides. Cut a region out of the slide and have that read."
NO_SIZE = "The size of this slide's pixels is not known. Give it first: this system needs it."
ABSURD = "A pixel size of {um:g} µm cannot be right here: this system reads slides of {least:g} to {most:g} µm."


def list_systems(engine: Engine) -> list[ModelSpec]:
    """Those offered that read whole slides."""
    return [spec for spec in offers.list_offered(engine) if engine.reads_slides(spec.key)]


def list_cutters(engine: Engine) -> list[ModelSpec]:
    """What can read a part that is cut out: a part is an image like any other."""
    return offers.list_offered(engine)


def can_read(engine: Engine, key: str) -> bool:
    """Whether this system reads whole slides."""
    return any(spec.key == key for spec in list_systems(engine))


def ask(carrier: Carrier, actor: audit.Actor, engine: Engine, image_id: int, key: str, box: Box | None = None,
        most_pixels: int = 0) -> int:
    """Have a slide, or a box of it, read; returns the job. Raises NotFound, NotChosen or PixelSizeProblem."""
    image = images.find_image(image_id, actor.user_id or 0)
    if image is None:
        raise NotFound
    if image.kind != "slide":
        raise NotChosen(NO_SLIDE)
    if box is None:
        job_id = order(actor, engine, image, key)
        db.session.commit()
    else:
        job_id = cut_out(engine, actor, image, key, box, most_pixels)
    carrier.wake()
    return job_id


def order(actor: audit.Actor, engine: Engine, image: Image, key: str) -> int:
    """Put the reading of a slide by the version now active into the running transaction.

    One that is on its way already stands for it. The caller commits and wakes the carrier. Raises NotChosen or
    PixelSizeProblem.
    """
    spec = _offered(engine, key)
    if not engine.reads_slides(key):
        raise NotChosen(ONLY_IMAGES.format(title=spec.title))
    _check_size(spec, image.um_per_px)
    params = {"image": image.id, "model": spec.key, "version": spec.version}
    return _queued(actor, image, SLIDE, f"Read {image.name}", params)


def cut_out(engine: Engine, actor: audit.Actor, image: Image, key: str, box: Box,
            most_pixels: int | None = None) -> int:
    """Ask for a part of a slide to become an image of its own and be read; returns the job.

    Without `most_pixels` the job tells when the part is too large. The caller wakes the carrier. Raises NotChosen or
    PixelSizeProblem.
    """
    spec = _offered(engine, key)
    cut = regions.cut_of(box, image, spec.scale, most_pixels or image.width * image.height)
    problem = spec.scale.problem_of(max(cut.width, cut.height), cut.um_per_px) if spec.scale else ""
    if problem:
        raise PixelSizeProblem(NO_SIZE if image.um_per_px is None else problem)
    params = {"image": image.id, "box": list(box), "model": spec.key, "version": spec.version}
    job_id = _queued(actor, image, REGION, f"Read a region of {image.name}", params)
    db.session.commit()
    return job_id


def _offered(engine: Engine, key: str) -> ModelSpec:
    """The version of this system that reads now. Raises NotChosen."""
    try:
        spec = offers.active_spec(engine, key)
        installed = engine.bytes_on_disk(spec.key, spec.version) is not None
    except UnknownModel:
        raise NotChosen(NOT_OFFERED) from None
    if not installed:
        raise NotChosen(NOT_OFFERED)
    return spec


def _check_size(spec: ModelSpec, um_per_px: float | None) -> None:
    """A system that knows a scale needs the slide's; what is absurd is told now and not kept as a refusal."""
    if spec.scale is None:
        return
    if um_per_px is None:
        raise PixelSizeProblem(NO_SIZE)
    if not spec.scale.least <= um_per_px <= spec.scale.most:
        raise PixelSizeProblem(ABSURD.format(um=um_per_px, least=spec.scale.least, most=spec.scale.most))


def _queued(actor: audit.Actor, image: Image, kind: str, title: str, params: dict[str, object]) -> int:
    for one in jobs.list_open_of_image(kind, image.id):
        if one.params == params:
            return one.id
    return queue.add(actor, Order(kind=kind, title=title, params=params, case_id=image.case_id, image_id=image.id)).id
