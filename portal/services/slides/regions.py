"""What becomes of a box that a reader cuts out of a slide: at which scale it is read from the file. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from models.spec import Scale
from portal.services.errors import NotChosen
from portal.storage.tables.cases import Image

LEAST_SIDE = 32
OUTSIDE = f"Choose a box inside the slide, with sides of at least {LEAST_SIDE} pixels."
TOO_LARGE = ("The region has {found:.0f} million pixels, and at most {most:.0f} million are read as one image. "
             "Choose a smaller one.")

Box = tuple[int, int, int, int]
"""Left, top, width, height in pixels of the slide."""


@dataclass(frozen=True, kw_only=True)
class Cut:
    """The image that a box becomes: its size, and the side of its pixels where the slide's is known."""

    width: int
    height: int
    um_per_px: float | None


def cut_of(box: Box, image: Image, scale: Scale | None, most_pixels: int) -> Cut:
    """At the slide's own scale where that is within the limit, else at the coarser one that the system wants.

    Raises NotChosen for a box that is outside, too small, or too large at either scale.
    """
    left, top, width, height = box
    inside = left >= 0 and top >= 0 and left + width <= image.width and top + height <= image.height
    if not inside or min(width, height) < LEAST_SIDE:
        raise NotChosen(OUTSIDE)
    own = Cut(width=width, height=height, um_per_px=image.um_per_px)
    if width * height <= most_pixels:
        return own
    cut = _at_scale(own, scale)
    if cut.width * cut.height > most_pixels:
        raise NotChosen(TOO_LARGE.format(found=cut.width * cut.height / 1e6, most=most_pixels / 1e6))
    return cut


def _at_scale(own: Cut, scale: Scale | None) -> Cut:
    """The cut with the pixels that a system wants, if those are larger."""
    if scale is None or own.um_per_px is None or own.um_per_px >= scale.wanted:
        return own
    factor = scale.wanted / own.um_per_px
    return Cut(width=max(1, round(own.width / factor)), height=max(1, round(own.height / factor)),
               um_per_px=scale.wanted)
