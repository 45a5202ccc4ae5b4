"""Leukemia candidate: Xception for space, a GRU in both directions over its positions."""

from __future__ import annotations

from typing import Any

from models.spec import Micrograph, Reading, Run
from models.zoo._hybrid import build_hybrid, candidate
from models.zoo._smear import read_smear

SPEC = candidate(
    key="leukemia-xception-bigru",
    title="Xception + Bi-GRU",
    parts="Xception reads the image, a GRU reads its positions in both directions.",
    claimed="0.94",
)


def read(micrograph: Micrograph, run: Run) -> Reading:
    """Quality and domain gate, then calibrated probabilities and the Grad-CAM of the likeliest class."""
    return read_smear(SPEC, micrograph, run)


def build() -> Any:
    """The torch network, with random weights: see `build_hybrid`."""
    return build_hybrid("legacy_xception", "gru")
