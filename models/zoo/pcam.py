"""Metastasis in lymph-node tissue (H&E): a small CNN whose last features are mixed by attention, patch by patch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.imaging.resize import squash
from models.spec import Finding, Layer, Measure, Micrograph, ModelSpec, Pixels, Reading, Region, Run, WeightFile
from models.zoo import _eye
from models.zoo._pcam.map import ask_tiles, map_of, reading_of
from models.zoo._pcam.network import SIDE, network
from models.zoo._pcam.rules import (
    BLANK,
    DOMAIN,
    GATE_VIEWS,
    LABELS,
    LEAST_SATURATION,
    MOST_REGIONS,
    SCALE,
    SLIDE_THRESHOLD,
    THRESHOLD,
    TOO_SMALL,
    UM_PER_PX,
    as_input,
    refused,
    scored,
)
from models.zoo._pcam.slide import SLIDES
from models.zoo._tiles import Place, Tiling, has_tissue, spread_out

__all__ = ["SLIDES", "SPEC", "build", "gate_views", "read"]

SPEC = ModelSpec(
    key="pcam",
    version="1",
    title="Lymph-node metastasis in H&E",
    summary="Says how much a patch of an H&E-stained lymph node looks like one with tumour in its centre. Larger "
    "images are read patch by patch, the most suspicious places first.",
    accepts="H&E-stained lymph-node tissue: one patch of about 93×93 µm (at most 128 pixels a side), or a larger "
    "image together with its pixel size (0.1 to 1.5 µm). JPEG, PNG, TIFF, WebP or BMP.",
    labels=LABELS,
    answer="Image pattern most similar to {label} patches; not a diagnosis; confirm on the slide.",
    notice="Research use only, not a diagnosis.",
    preprocessing="A patch is squashed to 96×96. A larger image is brought to 0.97 µm per pixel and cut into tiles "
    "of 96×96 that cover it; tiles in which no pixel's saturation reaches 0.07 are background. RGB in [0, 1]. "
    f"A patch is called metastatic from a probability of {THRESHOLD:.2f} on, a larger image from a slide score of "
    f"{SLIDE_THRESHOLD:.2f} on; both were chosen on the validation patches.",
    calibrated=True,
    graphs={
        "predict": WeightFile(
            name="pcam-1.onnx", sha256="05cafafc512cc369ea1147cf9b7fb4f623a93a0672068be9c75ae92f95d2f7cc"
        ),
        "eye": _eye.EYE,
        "gate": WeightFile(
            name="pcam-1.gate.npz", sha256="60479cc2434760980a4bb5cfd44aa9e5383f8c2374adb79d744bdca9b728be4e"
        ),
    },
    licence="Weights for research use; trained on CC0 images. The gate's eye: ImageNet weights, Apache-2.0.",
    source="PatchCamelyon (Veeling et al. 2018), CC0, from CAMELYON16",
    training_data="6,200 patches of lymph-node sections (3,000 with tumour in the centre 32×32 pixels), split by "
    "blocks of look-alike stain, for the files carry no slide.",
    limits=(
        "Taught and measured on single patches of 93 µm. On whole images of lymph nodes nothing was measured: no "
        "slide labels exist here.",
        "A patch is positive by its centre 32×32 alone; tumour at its edge only is a negative by that rule.",
        "No slide ids exist: patches of one slide can stand on both sides of the split.",
        "Other organs and other tumours were never taught. The gate knows H&E tissue, not lymph nodes.",
        "Isolated tumour cells are easily missed: the slide score asks for suspicious neighbours.",
    ),
    measures=(
        Measure(key="tiles", title="Tiles read", meaning="Tiles of 93×93 µm with tissue in them."),
        Measure(
            key="slide_score", title="Slide score", most=1, decimals=3,
            meaning="The highest mean probability of 3×3 tiles, 0.28×0.28 mm.",
        ),
    ),
    scale=SCALE,
    claim="The authors claim 83.1 % accuracy (F1 80.8, precision 93.8, recall 70.9) on PCam's 32,768 test patches, "
    "and 78.6 % without attention.",
)

def read(micrograph: Micrograph, run: Run) -> Reading:
    """One patch with its Grad-CAM, or a larger image as a map of its tiles' probabilities."""
    problem = SCALE.problem(micrograph)
    if problem:
        return refused(Finding(code="pixel-size", message=problem, refuses=True))
    if max(micrograph.width, micrograph.height) <= SCALE.free_side:
        return _read_patch(micrograph, run)
    return _read_tiles(micrograph, run)


def gate_views(micrograph: Micrograph) -> list[Pixels]:
    """What the gate looks at: the patch itself, or up to 16 tiles with tissue; none where there is no tissue."""
    if max(micrograph.width, micrograph.height) <= SCALE.free_side:
        return [squash(micrograph.pixels, SIDE)]
    tiling = _tiling(micrograph)
    return [tiling.tile(place) for place in spread_out(_tissue(tiling), GATE_VIEWS)]


def _read_patch(micrograph: Micrograph, run: Run) -> Reading:
    patch = squash(micrograph.pixels, SIDE)
    findings = _eye.check([patch], micrograph, run, DOMAIN)
    if findings[0].refuses:
        return Reading(outcome="refused", reason=findings[0].message, findings=findings)
    answer = run("predict", {"image": as_input([patch])})
    heat = Layer(name="heatmap", title="What spoke for metastasis", kind="heat", values=answer["heatmap"][0])
    return scored(float(answer["probability"][0]), THRESHOLD, {}, findings=findings, layers=(heat,))


def _read_tiles(micrograph: Micrograph, run: Run) -> Reading:
    tiling = _tiling(micrograph)
    if min(tiling.size) < SIDE:
        return refused(TOO_SMALL)
    places = _tissue(tiling)
    if not places:
        return refused(BLANK)
    views = [tiling.tile(place) for place in spread_out(places, GATE_VIEWS)]
    findings = _eye.check(views, micrograph, run, DOMAIN)
    if findings[0].refuses:
        return Reading(outcome="refused", reason=findings[0].message, findings=findings)
    wanted = set(places)
    chances, seen = map_of(tiling.shape, *ask_tiles((one for one in tiling if one[0] in wanted), run))
    return reading_of(tiling.grid, chances, seen, findings, (), _regions(tiling, places, chances))


def _tiling(micrograph: Micrograph) -> Tiling:
    return Tiling(pixels=micrograph.pixels, factor=(micrograph.um_per_px or UM_PER_PX) / UM_PER_PX, side=SIDE)


def _tissue(tiling: Tiling) -> list[Place]:
    if min(tiling.size) < SIDE:
        return []
    return [place for place, tile in tiling if has_tissue(tile, LEAST_SATURATION)]


def _regions(tiling: Tiling, places: list[Place], chances: NDArray[np.float32]) -> tuple[Region, ...]:
    """The tiles from the threshold on, the most suspicious first; if there are none, the one nearest to it."""
    ranked = sorted(places, key=lambda place: -float(chances[place]))
    called = [place for place in ranked[:MOST_REGIONS] if chances[place] >= THRESHOLD] or ranked[:1]
    found = []
    for place in called:
        left, top, right, bottom = (round(edge) for edge in tiling.box(place))
        chance = float(chances[place])
        found.append(
            Region(
                x=left, y=top, width=right - left, height=bottom - top, value=chance,
                text=f"Probability of metastasis {chance:.2f}",
            )
        )
    return tuple(found)


def build() -> Any:
    """The torch network: (n, 3, 96, 96) in [0, 1] to the logit of tumour (n,), with random weights."""
    return network(attention=True)
