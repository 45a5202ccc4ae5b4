"""What every slide offers, whoever made its file: levels of pixels and the side of a pixel."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from models.spec import Pixels

LEAST_UM, MOST_UM = 0.05, 20.0
"""Sides of a pixel, in µm, that a microscope can have meant."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """One size in which a slide lies in its file; `downsample` is 1 for the first and grows."""

    width: int
    height: int
    downsample: float


class Slide(Protocol):
    """An open slide; close it, or use it in a `with`."""

    width: int
    height: int
    um_per_px: float | None
    """Of level 0; None when the file does not say or says something not believable."""
    vendor: str
    in_strips: bool
    """Whether it lies in rows across its whole width, so that reading goes row by row or is slow."""

    def levels(self) -> tuple[Level, ...]: ...

    def region(self, level: int, x: int, y: int, width: int, height: int) -> Pixels:
        """Pixels of a level, white outside of it; `x` and `y` count pixels of that level.

        Raises Unreadable where the file is damaged there.
        """
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def believable(um_per_px_x: float | None, um_per_px_y: float | None) -> float | None:
    """The side of a square pixel in µm, or None where the two sides differ or no microscope makes such pixels."""
    if um_per_px_x is None or um_per_px_y is None:
        return None
    # Written so that what is no number is not believed either.
    if not (LEAST_UM <= um_per_px_x <= MOST_UM and abs(um_per_px_x - um_per_px_y) <= 0.02 * um_per_px_x):
        return None
    return (um_per_px_x + um_per_px_y) / 2
