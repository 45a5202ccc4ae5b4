"""TIFF slides that openslide does not read, or not rightly: OME-TIFF, strips, odd pyramids. Only the largest level."""

from __future__ import annotations

import logging
import os
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from tifffile import TiffFile

from models.imaging.errors import Unreadable
from models.slides import tiff_chain, tiff_page, tiff_piece
from models.slides.refusals import refuse_damaged, refuse_damaged_at
from models.slides.slide import Level
from models.spec import Pixels

_LOG = logging.getLogger(__name__)
_CACHE_BYTES = 256 << 20


class ByTifffile:
    """An open TIFF slide; several threads may read it at once."""

    def __init__(self, path: Path) -> None:
        """Raises Unreadable."""
        tiff_chain.check(path)
        try:
            # Not the files that it may name: they are none of its own.
            with TiffFile(path, _multifile=False) as tiff:
                self._page = tiff_page.largest(tiff)
        except Unreadable:
            raise
        except Exception as error:  # whatever a library meets in a file that was made to break it
            _LOG.info("tifffile refuses it: %s", type(error).__name__)
            refuse_damaged()
        self.width, self.height = self._page.width, self._page.height
        self.um_per_px, self.in_strips = self._page.um_per_px, self._page.in_strips
        self.vendor = "ome-tiff" if self._page.is_ome else "tiff"
        self._wide, self._high = self._page.piece
        # Strips are wanted by all tiles of a row, one after the other; tiles by their neighbours.
        self._pieces = lru_cache(max(4, _CACHE_BYTES // (3 * self._wide * self._high)))(self._decoded)
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def levels(self) -> tuple[Level, ...]:
        """The largest only."""
        return (Level(width=self.width, height=self.height, downsample=1.0),)

    def region(self, level: int, x: int, y: int, width: int, height: int) -> Pixels:
        pixels = np.full((height, width, 3), 255, np.uint8)
        left, top, right, bottom = max(x, 0), max(y, 0), min(x + width, self.width), min(y + height, self.height)
        if right <= left or bottom <= top:
            return pixels
        for row in range(top // self._high, -(-bottom // self._high)):
            for column in range(left // self._wide, -(-right // self._wide)):
                at_x, at_y = column * self._wide, row * self._high
                x0, x1 = max(left, at_x), min(right, at_x + self._wide)
                y0, y1 = max(top, at_y), min(bottom, at_y + self._high)
                piece = self._pieces(column, row)
                pixels[y0 - y : y1 - y, x0 - x : x1 - x] = piece[y0 - at_y : y1 - at_y, x0 - at_x : x1 - at_x]
        return pixels

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _decoded(self, column: int, row: int) -> Pixels:
        """One tile or strip of the file; white where the file has none."""
        index = row * -(-self.width // self._wide) + column
        high = min(self._high, self.height - row * self._high) if self.in_strips else self._high
        try:
            parts = [self._plane(plane, index, high) for plane in self._page.planes]
        except Exception as error:  # whatever a decoder meets
            _LOG.info("piece %d cannot be decoded: %s", index, type(error).__name__)
            refuse_damaged_at(column * self._wide, row * self._high)
        return parts[0] if len(parts) == 1 else np.stack([part[..., 0] for part in parts], axis=2)

    def _plane(self, plane: tiff_page.Plane, index: int, high: int) -> Pixels:
        start, size = plane.offsets[index], plane.sizes[index]
        if not size:
            return np.full((high, self._wide, 3), 255, np.uint8)
        return tiff_piece.decode(os.pread(self._file, size, start), self._page.form, self._wide, high)
