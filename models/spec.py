"""The words every model speaks: what it is, what it read from an image, and why it refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Outcome = Literal["scored", "refused", "error"]
Pixels = NDArray[np.uint8]
"""An RGB image, shape (height, width, 3)."""


@dataclass(frozen=True, kw_only=True)
class Micrograph:
    """What a system reads: pixels, and the side of one pixel in µm where it is known."""

    pixels: Pixels
    um_per_px: float | None = None

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What a system needs to know of the pixel size, in µm per pixel.

    An image whose sides are at most `free_side` pixels is read without it; outside `least`–`most` it is absurd.
    """

    wanted: float
    least: float
    most: float
    free_side: int

    def problem(self, micrograph: Micrograph) -> str:
        """Why this micrograph cannot be read at its stated pixel size, or nothing."""
        return self.problem_of(max(micrograph.width, micrograph.height), micrograph.um_per_px)

    def problem_of(self, longer_side: int, um_per_px: float | None) -> str:
        """The same of an image or a slide by its longer side in pixels."""
        if longer_side <= self.free_side:
            return ""
        if um_per_px is None:
            return (
                f"This image is larger than {self.free_side} pixels, so its pixel size is needed. "
                "Give the micrometres per pixel and send it again."
            )
        # Written so that a value that is no number is absurd too.
        if not self.least <= um_per_px <= self.most:
            return (
                f"A pixel size of {um_per_px:g} µm cannot be right here. "
                f"Give a value from {self.least:g} to {self.most:g} µm per pixel."
            )
        return ""


@dataclass(frozen=True, kw_only=True)
class Label:
    """One class a model can answer, and what that class means to a clinician."""

    name: str
    meaning: str


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A score that is one number: how it is called, in which unit, out of how many."""

    key: str
    title: str
    unit: str = ""
    most: float | None = None
    decimals: int = 0
    meaning: str = ""
    step: float = 0.0
    """The step in which a reader scores it by hand, from 0 up to `most`; 0 when it only follows from others."""
    groups: tuple[float, ...] = ()
    """Upper bounds, in whole numbers, of the groups in which readers are compared; the last is `most`."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """A score that is an object of probabilities over named options, or None when nobody trained it."""

    key: str
    title: str
    options: tuple[str, ...]
    ordered: bool = False
    """Whether each option is more of something than the one before."""


@dataclass(frozen=True, kw_only=True)
class Swatch:
    """One class of a class map: its name and its exact colour."""

    label: str
    colour: tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Recount:
    """How a reader counts again the nuclei that a system counted: into which classes, and what follows."""

    classes: tuple[Swatch, ...]
    """The classes of `Nucleus.label`, each with the colour of its marks; the first are the first keys."""
    score: Callable[[Mapping[str, int]], Reading]
    """Label, all scores and notes from the number of nuclei of every class.

    Of the system's own counts it gives the system's own measures. Raises ValueError with a sentence for the reader.
    """


@dataclass(frozen=True, kw_only=True)
class WeightFile:
    """A file below `models/weights`, with the sha256 it must have to be loaded."""

    name: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Own:
    """How a version came about that a clinic fine-tuned on its own reviewed images."""

    published: str
    """The published version that its code, its gate and its first start belong to."""
    base: str
    """The version whose weights it started from: the published one, or an own one before it."""
    made: str
    images: int
    """Reviewed images that it learnt from or was chosen by; those that were kept out are not counted."""
    groups: int


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """Everything a page, a card and the command line need to know of a model version."""

    key: str
    version: str
    title: str
    summary: str
    accepts: str
    """What may be uploaded, in the words shown beside the upload form."""
    labels: tuple[Label, ...]
    answer: str
    """Sentence for a scored result, with `{label}` in it."""
    notice: str
    """The research-use line of this model."""
    preprocessing: str
    calibrated: bool
    graphs: Mapping[str, WeightFile]
    """ONNX graphs (and other artefacts) by the name that `read` asks for; "predict" identifies the version."""
    licence: str
    source: str
    training_data: str
    limits: tuple[str, ...]
    measures: tuple[Measure, ...] = ()
    """The scores that are numbers, in the order in which they are shown."""
    questions: tuple[Question, ...] = ()
    """The scores that are answers of their own, each with its options."""
    ordered_labels: bool = False
    """Whether each label is more of something than the one before."""
    demonstration: str = ""
    """Why its scores show only that the machinery works, beside every one of them; empty when they mean more."""
    scale: Scale | None = None
    installs: tuple[str, ...] = ()
    """Names of graphs whose files are no part of the project: `models.installed` says whether they are here."""
    obtain: str = ""
    """How to get such files where no training here makes them; empty where `fit` and `export` do."""
    family: str = ""
    """The key under which its members stand for each other, when there are several candidates for one task."""
    claim: str = ""
    """What the original's authors claim, and of what: shown beside what was measured here."""
    follow: Callable[[Mapping[str, float]], Reading] | None = None
    """What follows from the measures that a reader typed: label, all scores, notes.

    Raises ValueError with a sentence for the reader when they contradict each other. Without it they stand alone.
    """
    recount: Recount | None = None
    """How its counted nuclei are counted again by hand; None where nuclei are not what it scores."""
    own: Own | None = None
    """Of a version that was fine-tuned at this clinic; None of a published one."""

    @property
    def weights_sha256(self) -> str:
        """Of the file that identifies the version; empty while its weights are not installed."""
        return self.graphs["predict"].sha256 if "predict" in self.graphs else ""

    @property
    def installed(self) -> bool:
        """Whether there are files to read with, whole or not."""
        return all(graph in self.graphs for graph in self.installs)

    def meaning(self, label: str | None) -> str:
        return next((one.meaning for one in self.labels if one.name == label), "")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing the quality and domain gate measured; `refuses` when it alone forbids an answer."""

    code: str
    message: str
    refuses: bool = False
    value: float | None = None
    limit: float | None = None


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A picture laid over the whole image.

    "heat": float32 (rows, columns) in [0, 1]. "classes": uint8 (rows, columns), indexes into `legend`.
    """

    name: str
    title: str
    kind: Literal["heat", "classes"]
    values: NDArray[Any]
    legend: tuple[Swatch, ...] = ()
    smaller: tuple[NDArray[Any], ...] = ()
    """The same, each half as large as the one before, so that what is hot in one place stays visible from afar."""


@dataclass(frozen=True, kw_only=True)
class Region:
    """A rectangle of the image, in its pixels, and what was found in it; the most telling first."""

    x: int
    y: int
    width: int
    height: int
    value: float
    text: str = ""
    measures: Mapping[str, float] = field(default_factory=dict)
    """Numbers that were found in it, by the name under which a table lists them."""


@dataclass(frozen=True, kw_only=True)
class Tiles:
    """What was said of every tile of a grid, for tables: `values` (rows, columns), no number where none was read.

    Tile (row, column) has its upper left corner at `lefts[column]`, `tops[row]`, in pixels of the image.
    """

    name: str
    """How a table calls a value."""
    label: str
    """What a tile is called from `threshold` on."""
    threshold: float
    values: NDArray[np.float32]
    lefts: tuple[float, ...]
    tops: tuple[float, ...]
    width: float
    height: float


@dataclass(frozen=True, kw_only=True)
class Nucleus:
    """One counted nucleus: its centre in pixels of the image, and its class by name."""

    x: int
    y: int
    label: str


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one model version says of one image. A refused reading carries no label and no scores."""

    outcome: Outcome
    reason: str = ""
    label: str | None = None
    scores: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences that belong to the scores, such as a comment that a guideline asks for."""
    layers: tuple[Layer, ...] = ()
    """The first one is the explanation that the page opens with."""
    regions: tuple[Region, ...] = ()
    nuclei: tuple[Nucleus, ...] = ()
    tiles: Tiles | None = None


Run = Callable[[str, Mapping[str, NDArray[Any]]], dict[str, NDArray[Any]]]
"""`run(graph, inputs)` → outputs by name; handed to `zoo/<key>.read` by the engine."""


def unserved_spec(key: str, version: str, labels: tuple[Label, ...] = ()) -> ModelSpec:
    """Stands for a version that this portal no longer serves: its answers stay, what it was is not made up."""
    gone = "Recorded by a version that this portal no longer serves."
    return ModelSpec(
        key=key, version=version, title=f"{key} {version}", summary=gone, accepts="", labels=labels,
        answer="Recorded answer: {label}; not a diagnosis.", notice="Research use only, not a diagnosis.",
        preprocessing=gone, calibrated=False, graphs={}, licence="", source="", training_data="", limits=(gone,),
    )
