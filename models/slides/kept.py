"""A slide in the one form in which it is kept: any tile is a piece of the file, any region a few tiles."""

from __future__ import annotations

import os
import weakref
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from models.imaging.errors import Unreadable
from models.slides import layout
from models.slides.layout import TILE
from models.slides.slide import Level, Slide
from models.slides.window import open_window
from models.spec import Pixels

_DAMAGED = "The kept slide is damaged. Please tell your administrator, and upload the slide again."


class KeptSlide:
    """A kept slide, open; any number of threads may read it at once.

    Close it only where no other thread can be reading. A cache just lets go of it: the file is closed with the last
    reference.
    """

    vendor = "kept"
    in_strips = False

    def __init__(self, path: Path, remembered: int = 0) -> None:
        """Raises Unreadable where the file is no whole kept slide, OSError where there is none.

        `remembered` decoded tiles (0.8 MB each) are held until it is closed: who reads windows that overlap decodes
        fewer twice.
        """
        self._remembered = lru_cache(remembered)(self._decode) if remembered else None
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._closing = weakref.finalize(self, os.close, self._file)
        try:
            self._placed, self.um_per_px = layout.read_levels(self._file)
        except (ValueError, IndexError, ArithmeticError) as error:
            self.close()
            raise Unreadable("broken", _DAMAGED) from error
        self.width, self.height = self._placed[0].width, self._placed[0].height

    def close(self) -> None:
        self._remembered = None
        self._file = -1
        self._closing()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def levels(self) -> tuple[Level, ...]:
        """Each half of the one before; pixel i of level k is the mean of the 2^k pixels of level 0 from i·2^k on."""
        return tuple(
            Level(width=placed.width, height=placed.height, downsample=float(2**level))
            for level, placed in enumerate(self._placed)
        )

    def tile(self, level: int, column: int, row: int) -> bytes:
        """A tile as a complete JPEG of 512×512 pixels, filled up behind the right and lower edge; else KeyError."""
        if not 0 <= level < len(self._placed):
            raise KeyError(level)
        placed = self._placed[level]
        if not (0 <= column < placed.columns and 0 <= row < placed.rows):
            raise KeyError((column, row))
        index = row * placed.columns + column
        size = int(placed.sizes[index])
        data = os.pread(self._file, size, int(placed.offsets[index]))
        if len(data) != size:
            raise Unreadable("broken", _DAMAGED)
        return data

    def region(self, level: int, x: int, y: int, width: int, height: int) -> Pixels:
        placed = self._placed[level]
        pixels = np.full((height, width, 3), 255, np.uint8)
        left, top = max(x, 0), max(y, 0)
        right, bottom = min(x + width, placed.width), min(y + height, placed.height)
        if right <= left or bottom <= top:
            return pixels
        for row in range(top // TILE, -(-bottom // TILE)):
            for column in range(left // TILE, -(-right // TILE)):
                across = slice(max(left, column * TILE), min(right, (column + 1) * TILE))
                down = slice(max(top, row * TILE), min(bottom, (row + 1) * TILE))
                part = (self._remembered or self._decode)(level, column, row)
                pixels[_moved(down, -y), _moved(across, -x)] = part[
                    _moved(down, -row * TILE), _moved(across, -column * TILE)
                ]
        return pixels

    def thumbnail(self, side: int) -> Pixels:
        """The whole slide, its longer side `side` pixels (less where the slide has less)."""
        fitting = [level for level, placed in enumerate(self._placed) if max(placed.width, placed.height) >= side]
        level = fitting[-1] if fitting else 0
        placed = self._placed[level]
        picture = Image.fromarray(self.region(level, 0, 0, placed.width, placed.height))
        picture.thumbnail((side, side), Image.Resampling.BOX)
        return np.asarray(picture)

    def _decode(self, level: int, column: int, row: int) -> Pixels:
        try:
            with JpegImageFile(BytesIO(self.tile(level, column, row))) as image:
                return np.asarray(image)
        except (OSError, SyntaxError) as error:
            raise Unreadable("broken", _DAMAGED) from error


def scaled_region(
    slide: Slide, um_per_px_wanted: float, um_per_px: float, x: float, y: float, width: float, height: float
) -> Pixels:
    """A region at another scale; `x`, `y`, `width` and `height` count pixels of level 0, which are `um_per_px` wide.

    Reads the coarsest level that is at most 10 % coarser than wanted. White outside the slide.
    """
    factor, box = um_per_px_wanted / um_per_px, (x, y, x + width, y + height)
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    return open_window(slide, factor, box).cut(box, size)


def _moved(part: slice, by: int) -> slice:
    return slice(part.start + by, part.stop + by)
