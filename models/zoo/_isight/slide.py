"""A core scanned as a slide: the bag of an image of it, its patches encoded in groups that are kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.slides.reading import SLIDE_NOTE, SlidePlan, SlideReader, pack, unpack
from models.slides.slide import Slide
from models.spec import Finding, Pixels, Reading, Run
from models.zoo import _eye
from models.zoo._isight.bag import SIDE, Bag, Patch, bag_from, cut, tissue_shares, viewed
from models.zoo._isight.read import DOMAIN, NO_TISSUE, answer_of

MOST_PIXELS = 150_000_000
"""Of a core: a hundred patches spread over a whole section would say little of any part of it."""
TOO_LARGE = Finding(
    code="too-large", refuses=True,
    message="This slide is larger than one core, and this system reads cores. Cut a region out and have that read.",
)
ROWS = 3
"""Rows of patches looked at together."""


def slide_reader(trained: Collection[str], group: int) -> SlideReader:
    """Reads with the graphs of `read_bag`; `group` patches are encoded in one part."""

    def planned(slide: Slide, um_per_px: float | None, run: Run) -> SlidePlan:
        return _plan(slide, um_per_px, run, group)

    def read_part(slide: Slide, plan: SlidePlan, number: int, run: Run) -> bytes:
        patches = _bag(plan).patches[number * group : (number + 1) * group]
        tokens = [run("encode", {"patches": _padded(slide, patch)[None]})["tokens"] for patch in patches]
        return pack({"tokens": np.concatenate(tokens)})

    def combine(plan: SlidePlan, parts: Mapping[int, bytes], run: Run) -> Reading:
        tokens = np.concatenate([unpack(parts[number])["tokens"] for number in range(plan.parts)])
        reading = answer_of((plan.width, plan.height), _bag(plan), tokens, plan.findings, run, trained)
        return replace(reading, notes=(*reading.notes, SLIDE_NOTE))

    return SlideReader(plan=planned, read_part=read_part, combine=combine)


def _plan(slide: Slide, um_per_px: float | None, run: Run, group: int) -> SlidePlan:
    plan = SlidePlan(width=slide.width, height=slide.height, um_per_px=um_per_px, findings=())
    if slide.width * slide.height > MOST_PIXELS:
        return replace(plan, findings=(TOO_LARGE,))
    bag = bag_from(_shares(slide))
    if not bag.patches:
        return replace(plan, findings=(NO_TISSUE,))
    views = [_part(slide, patch) for patch in viewed(bag.patches, (slide.width, slide.height))]
    plan = replace(plan, findings=_eye.check_views(views, min(slide.width, slide.height), run, DOMAIN))
    if plan.is_refused:
        return plan
    arrays = {"patches": np.array([(one.x, one.y) for one in bag.patches], np.int32), "found": np.array([bag.found])}
    return replace(plan, arrays=arrays, parts=-(-len(bag.patches) // group))


def _shares(slide: Slide) -> NDArray[np.float64]:
    """Share of tissue in each patch of the grid, a few rows at a time."""
    high = ROWS * SIDE
    return np.concatenate([
        tissue_shares(slide.region(0, 0, top, slide.width, min(high, slide.height - top)))
        for top in range(0, slide.height, high)
    ])


def _bag(plan: SlidePlan) -> Bag:
    patches = tuple(Patch(x=int(x), y=int(y)) for x, y in plan.arrays["patches"])
    return Bag(patches=patches, found=int(plan.arrays["found"][0]))


def _part(slide: Slide, patch: Patch) -> Pixels:
    """What of the patch lies on the slide."""
    return slide.region(0, patch.x, patch.y, min(SIDE, slide.width - patch.x), min(SIDE, slide.height - patch.y))


def _padded(slide: Slide, patch: Patch) -> Pixels:
    return cut(_part(slide, patch), Patch(x=0, y=0))
