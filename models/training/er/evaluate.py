"""Measures the exported files, as serving runs them, on crops and drawn fields that no fit has seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.metrics import confusion_matrix, f1_score
from tqdm import tqdm

from models.spec import Pixels
from models.training.er import baseline
from models.training.er.batches import LEVELS
from models.training.er.data import DISKS, VOID, Scene, disk_mask, load_outlined
from models.training.er.drawn import draw_scene
from models.training.er.measure import errors, found_counts, overlap, summed, true_counts
from models.training.er.patches import squares_of
from models.training.er.render import Piece, photographed, restained, shrunk
from models.training.er.served import Found, Served
from models.training.protocol.measures import wilson
from models.training.protocol.splits import decode
from models.zoo._er.nuclei import Nuclei, count_nuclei
from models.zoo._er.tiles import STRIDE, as_input

FIRST_TEST = 20_000
"""Seeds of drawn fields that nobody trained or validated on."""
COPIES, FIELDS = 6, 12
"""Restained copies of each held-out crop at each magnification, and drawn fields."""
SHIFT = 70
"""By how many pixels a part is cut off the tiles' grid to see how much the grid decides."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One test image with what is known of it."""

    piece: Piece
    scene: Scene


Reader = Callable[[Pixels], tuple[NDArray[np.uint8], Nuclei]]
"""Pixels to the class map that is judged, and the counted nuclei."""


def evaluate(served: Served, data: Path, *, quick: bool) -> dict[str, Any]:
    """Everything the card needs but what fit, export and benchmark recorded."""
    sets = test_sets(data, quick=quick)
    readers: dict[str, Reader] = {
        "network": lambda pixels: _mapped(served.read(pixels).nuclei),
        "otsu": lambda pixels: _mapped(count_nuclei(baseline.read_by_otsu(pixels))),
    }
    read = {name: {by: measured(cases, reader) for by, reader in readers.items()} for name, cases in sets.items()}
    real = sets["real crops"]
    return {
        "sets": read,
        "per_image": {case.scene.name: measured([case], readers["network"]) for case in real},
        "before_voting": {name: raw_dice(cases, served) for name, cases in sets.items()},
        "grader": {name: graded(cases, served) for name, cases in sets.items()},
        "disks": {by: located(data, reader) for by, reader in readers.items()},
        "seams": seams(sets["drawn fields"], served),
    }


def test_sets(data: Path, *, quick: bool) -> dict[str, list[Case]]:
    """The held-out crops as they are, restained at every magnification, and drawn fields."""
    rng = np.random.default_rng(4)
    copies, fields = (1, 1) if quick else (COPIES, FIELDS)
    scenes = load_outlined(data, "test")
    folder = data / "ihc/deepliif_ki67"
    found = {
        "real crops": [
            Case(piece=Piece(pixels=decode(folder / f"{one.name}.png"), labels=one.labels), scene=one)
            for one in scenes
        ]
    }
    for level in LEVELS:
        levelled = [shrunk(one, level) for one in scenes for _ in range(copies)]
        found[f"real crops restained, ×{level:g}"] = [_case(one, rng) for one in levelled]
    found["drawn fields"] = [_case(draw_scene(FIRST_TEST + number), rng) for number in range(fields)]
    return found


def _case(scene: Scene, rng: np.random.Generator) -> Case:
    stained = restained(scene, rng)
    return Case(piece=photographed(stained, rng), scene=stained)


def _mapped(nuclei: Nuclei) -> tuple[NDArray[np.uint8], Nuclei]:
    return nuclei.painted, nuclei


def measured(cases: Sequence[Case], reader: Reader) -> dict[str, Any]:
    """Dice by class over all pixels of the cases, and the errors of their scores."""
    maps, scored = [], []
    for case in tqdm(cases, leave=False):
        painted, nuclei = reader(case.piece.pixels)
        maps.append(overlap(painted, case.piece.labels))
        truth = true_counts(case.scene.nuclei, case.scene.classes)
        scored.append(errors(found_counts(nuclei, case.piece.labels), truth))
    return summed(maps, scored)


def raw_dice(cases: Sequence[Case], served: Served) -> dict[str, Any]:
    """Mean Dice of stage 1's own pixels, and of nuclei of one class each; and of nuclei whatever their class."""
    reads = [(served.read(case.piece.pixels), case.piece.labels) for case in cases]
    pixels = [overlap(found.raw, labels) for found, labels in reads]
    any_class = [overlap(_any(found), np.where(labels == VOID, VOID, labels > 0)) for found, labels in reads]
    return {
        "mean_dice": sum(pixels[1:], pixels[0]).mean,
        "nuclei_dice": sum(any_class[1:], any_class[0]).dice[1],
    }


def _any(found: Found) -> NDArray[np.uint8]:
    return (found.nuclei.painted > 0).astype(np.uint8)


def graded(cases: Sequence[Case], served: Served) -> dict[str, Any]:
    """Stage 2 on the true outlines of squares with a dominant class."""
    examples = [example for case in cases for example in squares_of(case.piece)]
    if not examples:
        return {"squares": 0}
    true = np.array([dominant for _, dominant in examples])
    said = served.grade(as_input(np.stack([patch for patch, _ in examples]))).argmax(axis=1)
    right = int((said == true).sum())
    return {
        "squares": len(true),
        "accuracy": right / len(true),
        "interval": wilson(right, len(true)),
        "macro_f1": float(f1_score(true, said, average="macro", labels=np.unique(true), zero_division=0)),
        "confusion": confusion_matrix(true, said, labels=range(4)).tolist(),
    }


def located(data: Path, reader: Reader) -> dict[str, Any]:
    """On held-out EndoNuke crops: labelled nuclei that a counted nucleus covers, and counted ones off every disk."""
    hits = middles_seen = counted = off = 0
    for number in DISKS["test"]:
        folder = data / "ihc/endonuke_er_pr"
        pixels = decode(folder / f"endonuke_{number}.png")
        disks = disk_mask(decode(folder / f"endonuke_{number}_mask.png")[: pixels.shape[0], : pixels.shape[1]])
        middles, count = ndimage.label(ndimage.distance_transform_edt(disks) > 9)
        painted, nuclei = reader(pixels)
        covered = ndimage.maximum(painted > 0, middles, np.arange(1, count + 1))
        hits += int(np.sum(covered))
        middles_seen += count
        columns, rows = nuclei.centres.astype(int).T
        counted += len(rows)
        off += int((~disks[rows, columns]).sum())
    return {
        "middles": middles_seen,
        "covered": hits / middles_seen,
        "interval": wilson(hits, middles_seen),
        "counted": counted,
        "off_disk": off / max(1, counted),
    }


def seams(cases: Sequence[Case], served: Served) -> dict[str, float]:
    """Share of pixels that a part, cut on and off the tiles' grid, reads as the whole does, away from the cut."""
    agreeing: dict[str, list[float]] = {"on": [], "off": []}
    for case in cases[:4]:
        whole = served.read(case.piece.pixels).raw
        for name, start in (("on", STRIDE), ("off", SHIFT)):
            part = served.read(np.ascontiguousarray(case.piece.pixels[start:, start:])).raw
            inner = part[64:, 64:] == whole[start + 64 :, start + 64 :]
            agreeing[name].append(float(inner.mean()))
    return {f"{name}_grid": float(np.mean(shares)) for name, shares in agreeing.items()}
