"""Slides made by code: pixels that differ everywhere, and files of every kind that can be written here."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import numpy as np

from models.slides.slide import Level
from models.spec import Pixels


def painted(width: int, height: int, seed: int = 1) -> Pixels:
    """Soft coloured structure, so that JPEG changes little, other in every place."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    phase = seed * np.float32(0.7)
    waves = [np.sin(x / 41 + phase) + np.cos(y / 53), np.sin((x + y) / 67) - np.cos(x / 91), np.cos((x - y) / 77)]
    return np.stack([160 + 40 * wave for wave in waves], axis=2).astype(np.uint8)


class InMemory:
    """A slide whose pixels are an array."""

    vendor = "memory"

    def __init__(self, pixels: Pixels, um_per_px: float | None = 0.5, in_strips: bool = False) -> None:
        self.pixels, self.um_per_px, self.in_strips = pixels, um_per_px, in_strips
        self.height, self.width = pixels.shape[:2]

    def levels(self) -> tuple[Level, ...]:
        return (Level(width=self.width, height=self.height, downsample=1.0),)

    def region(self, level: int, x: int, y: int, width: int, height: int) -> Pixels:
        assert level == 0
        out = np.full((height, width, 3), 255, np.uint8)
        left, top, right, bottom = max(x, 0), max(y, 0), min(x + width, self.width), min(y + height, self.height)
        if left < right and top < bottom:
            out[top - y : bottom - y, left - x : right - x] = self.pixels[top:bottom, left:right]
        return out

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
