"""What OpenSeadragon asks for, in the words of a kept slide: tiles of 512 pixels without overlap.

The viewer's tile source has `maxLevel` = number of kept levels − 1 and `minLevel` 0, so that its level n is the kept
level `maxLevel` − n and its level 0 is the one tile that shows everything. Tiles at the right and lower edge are filled
up to 512 pixels; the viewer draws only the part that lies on the slide.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.slides.layout import TILE, level_sizes


@dataclass(frozen=True, kw_only=True)
class ZoomLevel:
    """One level in the viewer's order: size in pixels, and its tiles."""

    width: int
    height: int
    columns: int
    rows: int


def zoom_levels(width: int, height: int) -> tuple[ZoomLevel, ...]:
    """Every level of a slide of this size, the smallest (one tile) first."""
    return tuple(
        ZoomLevel(width=wide, height=high, columns=-(-wide // TILE), rows=-(-high // TILE))
        for wide, high in reversed(level_sizes(width, height))
    )


def kept_tile(width: int, height: int, zoom: int, column: int, row: int) -> tuple[int, int, int]:
    """Kept level, column and row of a tile that the viewer asks for; KeyError when the slide has none."""
    levels = zoom_levels(width, height)
    if not 0 <= zoom < len(levels):
        raise KeyError(zoom)
    if not (0 <= column < levels[zoom].columns and 0 <= row < levels[zoom].rows):
        raise KeyError((column, row))
    return len(levels) - 1 - zoom, column, row
