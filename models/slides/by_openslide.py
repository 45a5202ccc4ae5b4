"""A slide that openslide reads. Its label, macro and thumbnail are never asked for."""

from __future__ import annotations

import logging
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from openslide import OpenSlide, OpenSlideCache, OpenSlideError
from PIL import Image

from models.slides.refusals import refuse_damaged_at, refuse_kind
from models.slides.slide import Level, believable
from models.spec import Pixels

_LOG = logging.getLogger(__name__)
_MOST_PIECE_PIXELS = 8192**2
_CACHE_BYTES = 64 << 20
"""For decoded pieces of the file, which need not lie as our tiles do."""


class ByOpenSlide:
    """An open slide; several threads may read it at once."""

    in_strips = False

    def __init__(self, path: Path, vendor: str) -> None:
        """Raises OpenSlideError where the file is not what it seemed, Unreadable where it takes too much memory."""
        self._path = path
        self._slide = OpenSlide(path)
        # Everything is asked for here: once openslide has met a damaged place, it answers nothing more.
        self._slide.set_cache(OpenSlideCache(_CACHE_BYTES))
        self._check_piece()
        self.vendor = vendor
        self.width, self.height = self._slide.dimensions
        self._levels = tuple(
            Level(width=wide, height=high, downsample=step)
            for (wide, high), step in zip(self._slide.level_dimensions, self._slide.level_downsamples, strict=True)
        )
        self.um_per_px = believable(self._number("openslide.mpp-x"), self._number("openslide.mpp-y"))

    def levels(self) -> tuple[Level, ...]:
        return self._levels

    def region(self, level: int, x: int, y: int, width: int, height: int) -> Pixels:
        step = self._levels[level].downsample
        place = (round(x * step), round(y * step))
        try:
            region = self._slide.read_region(place, level, (width, height))
        except OpenSlideError as error:
            _LOG.info("openslide lost a region: %s", type(error).__name__)
            region = self._read_anew(place, level, (width, height))
        return np.asarray(_on_white(region))

    def _read_anew(self, place: tuple[int, int], level: int, size: tuple[int, int]) -> Image.Image:
        """After a damaged place openslide refuses every other too, also those that another thread asks for."""
        try:
            with OpenSlide(self._path) as fresh:
                return fresh.read_region(place, level, size)
        except OpenSlideError:
            refuse_damaged_at(*place)

    def close(self) -> None:
        self._slide.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_piece(self) -> None:
        """A piece of the file is decoded whole, whatever of it is wanted."""
        wide, high = (self._number(f"openslide.level[0].tile-{side}") or 0 for side in ("width", "height"))
        if wide * high > _MOST_PIECE_PIXELS:
            self.close()
            refuse_kind("A slide that is not stored in small pieces")

    def _number(self, name: str) -> float | None:
        try:
            return float(self._slide.properties[name])
        except (KeyError, ValueError):
            return None


def _on_white(region: Image.Image) -> Image.Image:
    alpha = region.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return region.convert("RGB")
    white = Image.new("RGB", region.size, "white")
    white.paste(region, mask=alpha)
    return white
