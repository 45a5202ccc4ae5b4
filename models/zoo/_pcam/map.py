"""A map of tiles' probabilities and what it says of the image or slide that it covers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from models.slides.reading import with_smaller
from models.spec import Finding, Layer, Pixels, Reading, Region, Run, Tiles
from models.zoo._pcam.rules import BATCH, LABELS, SLIDE_THRESHOLD, THRESHOLD, as_input, scored
from models.zoo._tiles import Grid, Place, highest_window

Map = NDArray[np.float32]
Seen = NDArray[np.bool_]


def ask_tiles(tiles: Iterable[tuple[Place, Pixels]], run: Run) -> tuple[list[Place], list[float]]:
    """The tiles' places and their probabilities of metastasis."""
    places, chances, waiting = list[Place](), list[float](), list[Pixels]()
    for place, tile in tiles:
        places.append(place)
        waiting.append(tile)
        if len(waiting) == BATCH:
            chances += run("predict", {"image": as_input(waiting)})["probability"].tolist()
            waiting = []
    if waiting:
        chances += run("predict", {"image": as_input(waiting)})["probability"].tolist()
    return places, chances


def map_of(shape: tuple[int, int], places: list[Place], chances: list[float]) -> tuple[Map, Seen]:
    """Probability of every tile that was read, 0 for the others, and which were; shape (rows, columns)."""
    found, seen = np.zeros(shape, np.float32), np.zeros(shape, np.bool_)
    if places:
        at = tuple(np.transpose(places))
        found[at], seen[at] = chances, True
    return found, seen


def reading_of(grid: Grid, chances: Map, seen: Seen, findings: tuple[Finding, ...], notes: tuple[str, ...],
               regions: tuple[Region, ...]) -> Reading:
    """Scores, map and table of an image or slide of which at least one tile was read."""
    tiles, slide_score = int(seen.sum()), highest_window(chances, seen)
    heat = Layer(name="heatmap", title="Probability of metastasis per tile", kind="heat", values=chances)
    note = f"{tiles} of {seen.size} tiles show tissue. The slide score was not measured against slide labels."
    return scored(
        slide_score, SLIDE_THRESHOLD, {"tiles": tiles, "slide_score": slide_score}, findings=findings,
        notes=(note, *notes), layers=(with_smaller(heat),), regions=regions, tiles=_table(grid, chances, seen),
    )


def _table(grid: Grid, chances: Map, seen: Seen) -> Tiles:
    width, height = grid.tile_size
    return Tiles(
        name="probability of metastasis", label=LABELS[1].name, threshold=THRESHOLD,
        values=np.where(seen, chances, np.float32(np.nan)), lefts=grid.lefts, tops=grid.tops, width=width,
        height=height,
    )
