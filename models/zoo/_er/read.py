"""An ER reading put together: counted nuclei, what follows from the counts, two class maps, the listed regions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.scoring.ihc import INTENSITIES, Counts, category, comments, scores
from models.spec import Finding, Layer, Micrograph, Nucleus, Pixels, Reading, Region, Swatch
from models.zoo._er.nuclei import Nuclei
from models.zoo._er.regions import SQUARE, Regions

FEWEST = 100
"""Nuclei below which no score should be given, by the usual advice to count at least a hundred."""
SHOWN = 12
"""Regions that are listed, the most intense first."""
VIEW, VIEWS = 448, 5
"""Side of the windows that the gate looks at, and how many at most."""
GRID = 8
"""Windows tried along one side of a large image."""
LEGEND = (
    Swatch(label="background", colour=(0, 0, 0)),
    Swatch(label="normal", colour=(0, 159, 255)),
    Swatch(label="weak", colour=(0, 255, 0)),
    Swatch(label="moderate", colour=(255, 216, 0)),
    Swatch(label="strong", colour=(255, 0, 0)),
)
NUCLEI_NOTE = "All percentages are of nuclei, not of area."
LABELS_NOTE = (
    "Intensities were learnt from the optical density of DAB in Ki-67 stained nuclei, not from pathologists' readings."
)
NO_SIZE_NOTE = "No pixel size was given, so the image was read as it is; nuclei should be 12 to 45 pixels across."
NO_NUCLEI = "No nucleus was found, so there is nothing to score. Upload a field of tumour in haematoxylin and DAB."


def views_of(pixels: Pixels) -> list[Pixels]:
    """Up to VIEWS square windows (VIEW or the shorter side) of the image, those with the most stain first."""
    height, width = pixels.shape[:2]
    side = min(height, width, VIEW)
    places = [
        (round(top), round(left))
        for top in np.linspace(0, height - side, min(GRID, -(-height // side)))
        for left in np.linspace(0, width - side, min(GRID, -(-width // side)))
    ]
    windows = [pixels[top : top + side, left : left + side] for top, left in places]
    return sorted(windows, key=lambda window: float(window[::4, ::4].mean()))[:VIEWS]


def counts_of(nuclei: Nuclei) -> Counts:
    """Nuclei of each intensity."""
    tally = np.bincount(nuclei.classes, minlength=len(LEGEND))
    return Counts(**{name: int(tally[1 + index]) for index, name in enumerate(INTENSITIES)})


def empty(domain: tuple[Finding, ...]) -> Reading:
    """Refused for want of nuclei."""
    finding = Finding(code="no-nuclei", message=NO_NUCLEI, refuses=True, value=0, limit=1)
    return Reading(outcome="refused", reason=NO_NUCLEI, findings=(*domain, finding))


def scored(micrograph: Micrograph, nuclei: Nuclei, regions: Regions, domain: tuple[Finding, ...]) -> Reading:
    """The reading in pixels of the image as it was sent."""
    counts = counts_of(nuclei)
    height, width = nuclei.painted.shape
    across, down = _steps(nuclei, micrograph)
    mask = _enlarged(nuclei.painted, micrograph)
    squares = _enlarged(regions.painted(height, width), micrograph)
    dominant = INTENSITIES[int(regions.overall.argmax())] if len(regions.areas) else max(INTENSITIES, key=counts.of)
    return Reading(
        outcome="scored",
        label=category(counts),
        scores={**scores(counts), "dominant": dominant},
        findings=(*domain, *few(counts)),
        notes=_notes(counts, micrograph),
        layers=(
            Layer(name="mask", title="Expression classes", kind="classes", values=mask, legend=LEGEND),
            Layer(name="regions", title="Dominant class by region", kind="classes", values=squares, legend=LEGEND),
        ),
        regions=_listed(regions, across, down, micrograph),
        nuclei=placed(nuclei, micrograph),
    )


def placed(nuclei: Nuclei, micrograph: Micrograph) -> tuple[Nucleus, ...]:
    """The counted nuclei in pixels of the image as it was sent."""
    across, down = _steps(nuclei, micrograph)
    return tuple(
        Nucleus(x=int(x * across), y=int(y * down), label=INTENSITIES[kind - 1])
        for (x, y), kind in zip(nuclei.centres.tolist(), nuclei.classes.tolist(), strict=True)
    )


def _steps(nuclei: Nuclei, micrograph: Micrograph) -> tuple[float, float]:
    """Pixels of the image as it was sent to one that was read, across and down."""
    height, width = nuclei.painted.shape
    return micrograph.width / width, micrograph.height / height


def _enlarged(classes: NDArray[np.uint8], micrograph: Micrograph) -> NDArray[np.uint8]:
    """A class map at the image's own size."""
    size = (micrograph.width, micrograph.height)
    if classes.shape == size[::-1]:
        return classes
    return np.asarray(Image.fromarray(classes).resize(size, Image.Resampling.NEAREST))


def few(counts: Counts) -> tuple[Finding, ...]:
    """That they are too few to score, if they are."""
    if counts.total >= FEWEST:
        return ()
    message = f"Fewer than {FEWEST} nuclei were counted ({counts.total}): too few for a score to be relied on."
    return (Finding(code="few-nuclei", message=message, value=counts.total, limit=FEWEST),)


def _notes(counts: Counts, micrograph: Micrograph) -> tuple[str, ...]:
    size = () if micrograph.um_per_px else (NO_SIZE_NOTE,)
    return (*comments(counts), NUCLEI_NOTE, LABELS_NOTE, *size)


def _listed(regions: Regions, across: float, down: float, micrograph: Micrograph) -> tuple[Region, ...]:
    """The regions in which the most intense stain dominates, with the classifier's own probability."""
    intensity = regions.probabilities @ np.arange(4) / 3
    listed = []
    for index in np.argsort(-intensity, kind="stable")[:SHOWN].tolist():
        row, column = (int(place) for place in regions.places[index])
        x, y = int(column * SQUARE * across), int(row * SQUARE * down)
        best = int(regions.probabilities[index].argmax())
        listed.append(
            Region(
                x=x,
                y=y,
                width=min(int(SQUARE * across), micrograph.width - x),
                height=min(int(SQUARE * down), micrograph.height - y),
                value=float(intensity[index]),
                text=f"mostly {INTENSITIES[best]} (model score {regions.probabilities[index, best]:.2f})",
            )
        )
    return tuple(listed)
