"""PCam over a slide: gate and tissue once, tiles in parts, then one map."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.slides.reading import SLIDE_NOTE, SlidePlan, SlideReader, pack, unpack
from models.slides.slide import Slide
from models.spec import Finding, Pixels, Reading, Region, Run
from models.zoo import _eye
from models.zoo._pcam.map import ask_tiles, map_of, reading_of
from models.zoo._pcam.neighbourhoods import Neighbourhood, strongest
from models.zoo._pcam.network import SIDE
from models.zoo._pcam.rules import (
    BLANK,
    DOMAIN,
    GATE_VIEWS,
    LEAST_SATURATION,
    MOST_REGIONS,
    SCALE,
    SLIDE_THRESHOLD,
    THRESHOLD,
    TOO_SMALL,
    UM_PER_PX,
)
from models.zoo._pcam.tiles import Places, count_parts, cut_tiles, part_of, tissue_places
from models.zoo._tiles import Grid, has_tissue, spread_out

SCORE_NOTE = "The slide score is the highest mean probability of 3×3 neighbouring tiles, 0.28×0.28 mm."


def plan(slide: Slide, um_per_px: float | None, run: Run) -> SlidePlan:
    """What refuses the slide, or the tiles that may show tissue; the gate sees 16 of those that do."""
    problem = SCALE.problem_of(max(slide.width, slide.height), um_per_px)
    if problem or um_per_px is None:
        return _planned(slide, um_per_px, Finding(code="pixel-size", message=problem, refuses=True))
    grid = _grid(slide.width, slide.height, um_per_px)
    if min(grid.size) < SIDE:
        return _planned(slide, um_per_px, TOO_SMALL)
    places = tissue_places(slide, grid, um_per_px)
    views = _views(slide, grid, places)
    if not views:
        return _planned(slide, um_per_px, BLANK)
    findings = _eye.check_views(views, min(slide.width, slide.height), run, DOMAIN)
    return _planned(slide, um_per_px, *findings, places=places)


def read_part(slide: Slide, plan: SlidePlan, number: int, run: Run) -> bytes:
    """Places and probabilities of the part's tiles that show tissue."""
    grid = _grid_of(plan)
    tiles = cut_tiles(slide, grid, part_of(plan.arrays["places"], number))
    places, chances = ask_tiles((one for one in tiles if has_tissue(one[1], LEAST_SATURATION)), run)
    return pack({"places": np.array(places, np.int32).reshape(-1, 2), "chances": np.array(chances, np.float32)})


def combine(plan: SlidePlan, parts: Mapping[int, bytes], _run: Run) -> Reading:
    """Slide score, map as a pyramid, and the places to look at first."""
    grid, found = _grid_of(plan), [unpack(parts[number]) for number in range(plan.parts)]
    places = [(int(row), int(column)) for one in found for row, column in one["places"]]
    chances, seen = map_of(grid.shape, places, [chance for one in found for chance in one["chances"].tolist()])
    hot = strongest(chances, seen, MOST_REGIONS, SLIDE_THRESHOLD, THRESHOLD)
    return reading_of(grid, chances, seen, plan.findings, (SCORE_NOTE, SLIDE_NOTE),
                      tuple(_region(grid, plan, one) for one in hot))


SLIDES = SlideReader(plan=plan, read_part=read_part, combine=combine)


def _views(slide: Slide, grid: Grid, places: Places) -> list[Pixels]:
    """Up to 16 tiles with tissue for the gate, out of twice as many from all over the slide."""
    candidates = spread_out(list(places), 2 * GATE_VIEWS)
    tiles = [tile for _place, tile in cut_tiles(slide, grid, candidates)]
    return spread_out([tile for tile in tiles if has_tissue(tile, LEAST_SATURATION)], GATE_VIEWS)


def _planned(slide: Slide, um_per_px: float | None, *findings: Finding, places: Places | None = None) -> SlidePlan:
    arrays: dict[str, NDArray[np.int32]] = {} if places is None or findings[0].refuses else {"places": places}
    return SlidePlan(width=slide.width, height=slide.height, um_per_px=um_per_px, findings=findings, arrays=arrays,
                     parts=count_parts(arrays["places"]) if arrays else 0)


def _grid_of(plan: SlidePlan) -> Grid:
    return _grid(plan.width, plan.height, plan.um_per_px or UM_PER_PX)


def _grid(width: int, height: int, um_per_px: float) -> Grid:
    return Grid(width=width, height=height, factor=um_per_px / UM_PER_PX, side=SIDE)


def _region(grid: Grid, plan: SlidePlan, found: Neighbourhood) -> Region:
    (left, top, *_), (*_, right, bottom) = grid.box(found.first), grid.box(found.last)
    x, y = round(left), round(top)
    mean, highest = found.mean, found.highest
    return Region(
        x=x, y=y, width=min(round(right), plan.width) - x, height=min(round(bottom), plan.height) - y, value=mean,
        text=f"Mean probability of metastasis {mean:.2f} over {found.tiles} tile{'s' * (found.tiles != 1)}, "
        f"highest {highest:.2f}",
        measures={"mean probability": mean, "highest probability": highest, "tiles": found.tiles},
    )
