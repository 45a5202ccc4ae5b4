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
class Label:
    """One class a model can answer, and what that class means to a clinician."""

    name: str
    meaning: str


@dataclass(frozen=True, kw_only=True)
class WeightFile:
    """A file below `models/weights`, with the sha256 it must have to be loaded."""

    name: str
    sha256: str


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

    @property
    def weights_sha256(self) -> str:
        return self.graphs["predict"].sha256

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
class Reading:
    """What one model version says of one image. A refused reading carries no label and no scores."""

    outcome: Outcome
    reason: str = ""
    label: str | None = None
    scores: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    heatmap: NDArray[np.float32] | None = None
    """Shape (rows, columns) in [0, 1], laid over the whole image; None where there is nothing to show."""


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
