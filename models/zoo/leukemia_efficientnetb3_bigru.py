"""Leukemia candidate: EfficientNet-B3 for space, a GRU in both directions over its positions."""

from __future__ import annotations

from typing import Any

from models.spec import Micrograph, Reading, Run
from models.zoo._hybrid import build_hybrid, candidate
from models.zoo._smear import read_smear

SPEC = candidate(
    key="leukemia-efficientnetb3-bigru",
    title="EfficientNetB3 + Bi-GRU",
    parts="EfficientNet-B3 reads the image, a GRU reads its positions in both directions.",
    claimed="0.99",
)


def read(micrograph: Micrograph, run: Run) -> Reading:
    """Quality and domain gate, then calibrated probabilities and the Grad-CAM of the likeliest class."""
    return read_smear(SPEC, micrograph, run)


def build() -> Any:
    """The torch network, with random weights: see `build_hybrid`."""
    return build_hybrid("efficientnet_b3", "gru")
