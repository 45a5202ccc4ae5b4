"""How large a slide's pixels are: what somebody stated, checked."""

from __future__ import annotations

from models.slides.slide import LEAST_UM, MOST_UM
from portal.services.errors import PixelSizeProblem

ABSURD = ("A pixel of a slide is {least:g} to {most:g} µm wide. Give what the scanner states, for example 0.25 for a "
          "scan at 40 times.")


def check(um_per_px: float | None) -> None:
    """Raises PixelSizeProblem for what no scanner makes; nothing stated is nothing wrong."""
    # Written so that what is no number is absurd too.
    if um_per_px is not None and not LEAST_UM <= um_per_px <= MOST_UM:
        raise PixelSizeProblem(ABSURD.format(least=LEAST_UM, most=MOST_UM))
