"""A slide of any size out of one small real one: mirrored at its edges, and enlarged."""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.slides.foreign import open_foreign
from models.slides.keep import keep
from models.slides.limits import SlideLimits
from models.slides.slide import Level
from models.spec import Pixels

ENLARGED = 2
"""Times the source's sides: 0.499 µm per pixel become 0.25, as scanners write at 40×."""


@dataclass
class Mirrored:
    """A square slide of `side` pixels, white a border of a tenth, the rest the source over and over, mirrored."""

    source: Pixels
    side: int
    um_per_px: float | None
    vendor: str = "made"
    in_strips: bool = False

    def __post_init__(self) -> None:
        self.width = self.height = self.side

    def levels(self) -> tuple[Level, ...]:
        return (Level(width=self.side, height=self.side, downsample=1.0),)

    def region(self, level: int, x: int, y: int, width: int, height: int) -> Pixels:
        rows = _folded(np.arange(y, y + height), self.source.shape[0])
        columns = _folded(np.arange(x, x + width), self.source.shape[1])
        pixels = self.source[rows][:, columns]
        pixels[self._beyond(y, height)] = 255
        pixels[:, self._beyond(x, width)] = 255
        return pixels

    def _beyond(self, first: int, length: int) -> NDArray[np.bool_]:
        """Which of these places lie in the white border or outside."""
        places = np.arange(first, first + length)
        border = self.side // 10
        return (places < border) | (places >= self.side - border)

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None: ...


def make(side: int, data: Path, folder: Path) -> Path:
    """The kept slide of this size, made when it is not there yet."""
    path = folder / f"mirrored-{side}.tif"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    print(f"building a slide of {side} × {side} pixels", file=sys.stderr, flush=True)
    keep(Mirrored(source=_source(data), side=side, um_per_px=0.499 / ENLARGED), path, lambda _done, _total: None)
    return path


def _source(data: Path) -> Pixels:
    with tempfile.TemporaryDirectory() as alone:
        copy = Path(alone) / "region.svs"
        shutil.copy(data / "wsi/cmu-1-small-region.svs", copy)
        with open_foreign(copy, SlideLimits()) as slide:
            pixels = slide.region(0, 0, 0, slide.width, slide.height)
    large = (pixels.shape[1] * ENLARGED, pixels.shape[0] * ENLARGED)
    return np.array(Image.fromarray(pixels).resize(large, Image.Resampling.BICUBIC))


def _folded(places: NDArray[np.intp], length: int) -> NDArray[np.intp]:
    folded = np.mod(places, 2 * length)
    return np.where(folded < length, folded, 2 * length - 1 - folded)
