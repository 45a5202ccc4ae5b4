"""ER over a slide or a large part of one: nuclei counted core by core, in total and per square millimetre."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.gate import Domain
from models.scoring.ihc import INTENSITIES, Counts, category, comments, h_score, percent, scores
from models.slides.reading import SLIDE_NOTE, SlidePlan, SlideReader, pack, unpack
from models.slides.slide import Slide
from models.spec import Finding, Layer, Nucleus, Pixels, Reading, Region, Run, Scale
from models.zoo import _eye
from models.zoo._er.cores import Cores, segment_core, squares_of
from models.zoo._er.nuclei import count_nuclei
from models.zoo._er.read import FEWEST, LABELS_NOTE, LEGEND, NUCLEI_NOTE, VIEW, VIEWS, empty, few
from models.zoo._er.regions import grade_regions
from models.zoo._tiles import spread_out

CANDIDATES = 24
"""Windows looked at for those with the most stain, which the gate sees."""
MOST_NUCLEI = 20_000
"""Kept one by one, to be drawn and counted again; of more, only how many."""
REGION_UM = 1000.0
MAP_UM, MOST_CELLS = 20.0, 1024
WHOLE_NOTE = "All nuclei of the section are counted, of every kind of cell: choose regions of invasive tumour to score."
MANY_NOTE = f"More than {MOST_NUCLEI:,} nuclei: they are not kept one by one, so they cannot be counted again by hand."


@dataclass(frozen=True, kw_only=True)
class ErSlides:
    """How ER reads slides at its scale, behind its gate."""

    scale: Scale
    domain: Domain

    def reader(self) -> SlideReader:
        return SlideReader(plan=self.plan, read_part=self.read_part, combine=self.combine)

    def plan(self, slide: Slide, um_per_px: float | None, run: Run) -> SlidePlan:
        """What refuses the slide, or the cores with tissue."""
        if um_per_px is None or not self.scale.least <= um_per_px <= self.scale.most:
            text = (f"A slide is read at a known pixel size only: give {self.scale.least:g} to {self.scale.most:g} µm "
                    "per pixel.")
            return _planned(slide, um_per_px, Finding(code="pixel-size", message=text, refuses=True))
        cores = self._cores(slide.width, slide.height, um_per_px)
        places = cores.with_tissue(slide, um_per_px)
        if not len(places):
            blank = Finding(code="blank", message="There is no stained tissue on this slide.", refuses=True)
            return _planned(slide, um_per_px, blank)
        findings = _eye.check_views(_views(slide, cores, places), min(slide.width, slide.height), run, self.domain)
        return _planned(slide, um_per_px, *findings, cores=places)

    def read_part(self, slide: Slide, plan: SlidePlan, number: int, run: Run) -> bytes:
        """Nuclei with their centre in one core, and what stage 2 says of its squares."""
        cores = self._cores(plan.width, plan.height, plan.um_per_px)
        row, column = (int(one) for one in plan.arrays["cores"][number])
        pixels, classes = segment_core(slide, cores, (row, column),
                                       lambda batch: run("predict", {"image": batch})["probabilities"])
        nuclei = count_nuclei(classes)
        squares = squares_of(cores, (row, column))
        graded = grade_regions(pixels[squares], nuclei.painted[squares],
                               lambda batch: run("grade", {"patch": batch})["probabilities"])
        (rows, columns), (down, across) = cores.inside((row, column)), cores.exact((row, column))
        x, y = nuclei.centres[:, 0] + across.start, nuclei.centres[:, 1] + down.start
        mine = (x >= columns.start) & (x < columns.stop) & (y >= rows.start) & (y < rows.stop)
        return pack({"centres": np.stack([x, y], axis=1)[mine].astype(np.float32), "classes": nuclei.classes[mine],
                     "graded": np.asarray(graded.areas @ graded.probabilities, np.float64)})

    def combine(self, plan: SlidePlan, parts: Mapping[int, bytes], _run: Run) -> Reading:
        """Counts and scores of the whole, a list of square millimetres, and a coarse map."""
        found = [unpack(parts[number]) for number in range(plan.parts)]
        centres, classes = (np.concatenate([one[name] for one in found]) for name in ("centres", "classes"))
        if not len(classes):
            return empty(plan.findings)
        cores = self._cores(plan.width, plan.height, plan.um_per_px)
        centres = centres * (plan.width / cores.size[0], plan.height / cores.size[1])
        graded = np.sum([one["graded"] for one in found], axis=0)
        counts = counts_of(classes)
        dominant = INTENSITIES[int(graded.argmax())] if graded.any() else max(INTENSITIES, key=counts.of)
        several = len(classes) > MOST_NUCLEI
        return Reading(
            outcome="scored", label=category(counts), scores={**scores(counts), "dominant": dominant},
            findings=(*plan.findings, *few(counts)),
            notes=(*comments(counts), NUCLEI_NOTE, LABELS_NOTE, WHOLE_NOTE, SLIDE_NOTE, *([MANY_NOTE] * several)),
            layers=(_map(plan, centres, classes),), regions=_regions(plan, centres, classes),
            nuclei=() if several else _nuclei(centres, classes),
        )

    def _cores(self, width: int, height: int, um_per_px: float | None) -> Cores:
        return Cores(width=width, height=height, factor=(um_per_px or self.scale.wanted) / self.scale.wanted)


def counts_of(classes: NDArray[Any]) -> Counts:
    tally = np.bincount(classes, minlength=len(LEGEND))
    return Counts(**{name: int(tally[1 + index]) for index, name in enumerate(INTENSITIES)})


def _planned(slide: Slide, um_per_px: float | None, *findings: Finding,
             cores: NDArray[np.int32] | None = None) -> SlidePlan:
    arrays = {} if cores is None or findings[0].refuses else {"cores": cores}
    return SlidePlan(width=slide.width, height=slide.height, um_per_px=um_per_px, findings=findings, arrays=arrays,
                     parts=len(arrays["cores"]) if arrays else 0)


def _views(slide: Slide, cores: Cores, places: NDArray[np.int32]) -> list[Pixels]:
    """Square windows for the gate, those with the most stain first, out of some from all over the slide."""
    found = []
    for row, column in spread_out(list(places), CANDIDATES):
        inside, side = cores.inside((int(row), int(column))), min(VIEW, *cores.size)
        top, left = (min(own.start, length - side) for own, length in zip(inside, cores.size[::-1], strict=True))
        found.append(cores.read(slide, range(top, top + side), range(left, left + side)))
    return sorted(found, key=lambda view: float(view[::4, ::4].mean()))[:VIEWS]


def _regions(plan: SlidePlan, centres: NDArray[Any], classes: NDArray[Any]) -> tuple[Region, ...]:
    """Squares of a millimetre with enough nuclei to score, the highest H-score first."""
    side = REGION_UM / (plan.um_per_px or 1.0)
    cells = (centres // side).astype(int)
    found = []
    for column, row in np.unique(cells, axis=0).tolist():
        counts = counts_of(classes[(cells[:, 0] == column) & (cells[:, 1] == row)])
        if counts.total >= FEWEST:
            found.append(_region(plan, side, column, row, counts))
    return tuple(sorted(found, key=lambda one: -one.value))


def _region(plan: SlidePlan, side: float, column: int, row: int, counts: Counts) -> Region:
    x, y, score = round(column * side), round(row * side), h_score(counts)
    positive = percent(counts.positive, counts)
    shares = {f"percent {name}": percent(counts.of(name), counts) for name in INTENSITIES}
    return Region(
        x=x, y=y, width=min(round((column + 1) * side), plan.width) - x,
        height=min(round((row + 1) * side), plan.height) - y, value=score,
        text=f"H-score {score:.0f}, {positive:.1f} % positive of {counts.total:,} nuclei",
        measures={"H-score": score, "nuclei": counts.total, "percent positive": positive, **shares},
    )


def _map(plan: SlidePlan, centres: NDArray[Any], classes: NDArray[Any]) -> Layer:
    """The commonest class of the nuclei in each cell of 20 µm or, on a large slide, more; 0 where there is none."""
    longest = max(plan.width, plan.height)
    side = max(MAP_UM / (plan.um_per_px or 1.0), longest / MOST_CELLS)
    shape = int(np.ceil(plan.height / side)), int(np.ceil(plan.width / side))
    tally = np.zeros((*shape, len(LEGEND)), np.int32)
    rows, columns = (np.minimum((centres[:, axis] // side).astype(int), shape[1 - axis] - 1) for axis in (1, 0))
    np.add.at(tally, (rows, columns, classes), 1)
    title = f"Commonest class of nuclei per {side * (plan.um_per_px or 1.0):.0f} µm"
    return Layer(name="mask", title=title, kind="classes", values=tally.argmax(axis=2).astype(np.uint8), legend=LEGEND)


def _nuclei(centres: NDArray[Any], classes: NDArray[Any]) -> tuple[Nucleus, ...]:
    return tuple(Nucleus(x=int(x), y=int(y), label=INTENSITIES[kind - 1])
                 for (x, y), kind in zip(centres.tolist(), classes.tolist(), strict=True))
