"""Pictures out of a kept slide: a tile as it lies in the file, a part of it, the whole of it small."""

from __future__ import annotations

from dataclasses import dataclass

from models.imaging.figure import jpeg_bytes
from models.slides.deepzoom import kept_tile
from models.slides.kept import scaled_region
from models.spec import Pixels
from portal.services.errors import NotFound
from portal.services.slides.opened import OpenSlides
from portal.storage.tables.cases import Image

MOST_SIDE = 1024
LEAST_SHOWN = 256
"""Pixels across of a part that is not shown any closer."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """A part of a slide in its pixels."""

    x: int
    y: int
    width: int
    height: int

    def within(self, image: Image) -> Window:
        """What of it lies on the slide. Raises NotFound when that is nothing."""
        left, top = max(self.x, 0), max(self.y, 0)
        right, bottom = min(self.x + self.width, image.width), min(self.y + self.height, image.height)
        if right <= left or bottom <= top:
            raise NotFound
        return Window(x=left, y=top, width=right - left, height=bottom - top)


@dataclass(frozen=True, kw_only=True)
class Step:
    """A way from one part of a slide to another, for whoever zooms by links."""

    title: str
    window: Window


def steps(image: Image, shown: Window | None) -> tuple[Step, ...]:
    """Closer, further and aside of what is shown; None stands for the whole."""
    now = shown or Window(x=0, y=0, width=image.width, height=image.height)
    ways = [("Closer", _around(now, 0.5))] if max(now.width, now.height) > LEAST_SHOWN else []
    if shown:
        ways.append(("Further away", _around(now, 2.0)))
        ways += [(f"To the {title}", Window(x=now.x + across * now.width // 2, y=now.y + down * now.height // 2,
                                            width=now.width, height=now.height))
                 for title, across, down in (("left", -1, 0), ("right", 1, 0), ("top", 0, -1), ("bottom", 0, 1))]
    return tuple(Step(title=title, window=kept) for title, window in ways if (kept := _moved_in(image, window)) != now)


def _around(window: Window, factor: float) -> Window:
    width, height = max(1, round(window.width * factor)), max(1, round(window.height * factor))
    return Window(x=window.x + (window.width - width) // 2, y=window.y + (window.height - height) // 2,
                  width=width, height=height)


def _moved_in(image: Image, window: Window) -> Window:
    """The window pushed onto the slide, and no larger than it."""
    width, height = min(window.width, image.width), min(window.height, image.height)
    return Window(x=min(max(window.x, 0), image.width - width), y=min(max(window.y, 0), image.height - height),
                  width=width, height=height)


def read_tile(slides: OpenSlides, image: Image, level: int, column: int, row: int) -> bytes:
    """A tile of a level in the viewer's order, level 0 the smallest. Raises NotFound."""
    try:
        kept = kept_tile(image.width, image.height, level, column, row)
    except KeyError:
        raise NotFound from None
    with slides.use(image.stored_as) as slide:
        return slide.tile(*kept)


def read_window(slides: OpenSlides, image: Image, window: Window, side: int = MOST_SIDE) -> Pixels:
    """A part of the slide, its longer side at most `side`; what lies beside the slide is left away.

    Reads the level that is just fine enough, so that its cost does not grow with the part. Raises NotFound.
    """
    part = window.within(image)
    factor = max(1.0, max(part.width, part.height) / side)
    with slides.use(image.stored_as) as slide:
        return scaled_region(slide, factor, 1.0, part.x, part.y, part.width, part.height)


def draw_window(slides: OpenSlides, image: Image, window: Window, side: int = MOST_SIDE) -> bytes:
    """The same as a JPEG."""
    return jpeg_bytes(read_window(slides, image, window, side))


def draw_thumbnail(slides: OpenSlides, image: Image, side: int) -> bytes:
    """A JPEG of the whole slide, its longer side at most `side`."""
    with slides.use(image.stored_as) as slide:
        return jpeg_bytes(slide.thumbnail(side))
