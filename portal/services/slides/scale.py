"""Gives a slide the pixel size that its file did not say, and has it read."""

from __future__ import annotations

from models.engine import Engine
from portal.extensions import db
from portal.services import audit
from portal.services.errors import NotChosen, PixelSizeProblem
from portal.services.slides import pixel_size, reading
from portal.storage import jobs
from portal.storage.tables.cases import Image

BUSY = "A system is reading this slide with the pixel size that it has now. Wait for its end, or cancel that job."
FIXED = "A system has read this slide at {known:g} µm per pixel; that cannot be changed any more."


def settle(engine: Engine, actor: audit.Actor, image: Image, um_per_px: float | None, model: str) -> str:
    """Keep the pixel size and ask for a reading, each where it is given; returns what was done in a sentence.

    Raises PixelSizeProblem for an absurd size, one that a reading rests on already or while it is made, or one that the
    system needs, NotChosen for no reader of slides.
    """
    told = ["The pixel size is kept."] if _set_size(actor, image, um_per_px) else []
    if model:
        try:
            reading.order(actor, engine, image, model)
        except (NotChosen, PixelSizeProblem):
            db.session.rollback()
            raise
        told.append("The slide waits to be read; the page of its case says how far it is.")
    db.session.commit()
    return " ".join(told) or "Nothing was changed."


def _set_size(actor: audit.Actor, image: Image, um_per_px: float | None) -> bool:
    pixel_size.check(um_per_px)
    if um_per_px is None or um_per_px == image.um_per_px:
        return False
    if image.predictions and image.um_per_px is not None:
        raise PixelSizeProblem(FIXED.format(known=image.um_per_px))
    if jobs.list_open_of_image(reading.SLIDE, image.id):
        # Its prediction would name a size that nothing was measured with.
        raise PixelSizeProblem(BUSY)
    audit.record(actor, "image.scale", f"image:{image.id}", case=image.case_id, old=image.um_per_px, new=um_per_px)
    image.um_per_px = um_per_px
    return True
