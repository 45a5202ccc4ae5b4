"""Refuses what a system was not made for: image quality first, then how like its training images it looks.

Pure numpy. The parameters come from an `.npz` artefact that `models.training.protocol.gatefit` fits beside the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.spec import Finding, Pixels

Floats = NDArray[np.floating[Any]]

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)

QUALITY_ADVICE = {
    "too-small": "The image is too small to read. Upload the whole microscope field at its original size.",
    "blank": "The image is blank or almost blank. Upload a field with cells in it.",
    "too-dark": "The image is too dark to read. Raise the lamp or the exposure and take it again.",
    "too-bright": "The image is too bright to read. Lower the lamp or the exposure and take it again.",
    "low-contrast": "Cells can hardly be told from the background. Check the stain and the condenser.",
    "blur": "The image is out of focus. Focus on the cells and take it again.",
}


@dataclass(frozen=True, kw_only=True)
class Domain:
    """What one system's gate tells apart, and what a reader is told of each kind."""

    kinds: tuple[str, ...]
    """In the order of the domain head's outputs; the first one is what the system was made for."""
    advice: Mapping[str, str]
    """A sentence for every kind."""
    stranger: str
    """The kind that an image is called which is like none of them."""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What was measured on an image, on the 0–255 scale of its luminance; sharpness is a ratio."""

    shorter_side: int
    brightness: float
    contrast: float
    """Luminance between the 1st and the 99th percentile."""
    sharpness: float
    """99th percentile of the step between neighbours, over the standard deviation: how narrow edges are."""


def measure(pixels: Pixels, field: Pixels, hidden: int) -> Quality:
    """Quality of `field`, the image at the network's size, less its lowest `hidden` rows; size of `pixels`."""
    grey = field[: field.shape[0] - hidden].astype(np.float32) @ LUMA
    low, high = _percentiles(grey, 1, 99)
    (step,) = _percentiles(np.abs(np.diff(grey, axis=1)), 99)
    return Quality(
        shorter_side=min(pixels.shape[:2]),
        brightness=float(grey.mean()),
        contrast=high - low,
        sharpness=step / (float(grey.std()) + 1.0),
    )


def _percentiles(values: Floats, *wanted: float) -> tuple[float, ...]:
    """As `np.percentile`, three times as fast: one sort of short floats beats its partitions."""
    ranked = np.sort(values, axis=None)
    positions = [percent / 100 * (ranked.size - 1) for percent in wanted]
    return tuple(float(np.interp(at, (int(at), int(at) + 1), ranked[int(at) : int(at) + 2])) for at in positions)


def check_quality(quality: Quality, parameters: Mapping[str, NDArray[Any]]) -> tuple[Finding, ...]:
    """The findings that refuse by quality alone, the most telling first."""
    least = {
        name: float(parameters[name]) for name in ("side", "dark", "bright", "blank", "contrast", "sharpness")
    }
    checks = (
        ("too-small", quality.shorter_side, least["side"], quality.shorter_side < least["side"]),
        ("blank", quality.contrast, least["blank"], not quality.contrast >= least["blank"]),
        ("too-dark", quality.brightness, least["dark"], not quality.brightness >= least["dark"]),
        ("too-bright", quality.brightness, least["bright"], not quality.brightness <= least["bright"]),
        ("low-contrast", quality.contrast, least["contrast"], not quality.contrast >= least["contrast"]),
        ("blur", quality.sharpness, least["sharpness"], not quality.sharpness >= least["sharpness"]),
    )
    return tuple(
        Finding(
            code=code, message=QUALITY_ADVICE[code], refuses=True, value=round(float(value), 3), limit=round(limit, 3)
        )
        for code, value, limit, wrong in checks
        if wrong
    )


def judge(embedding: Floats, parameters: Mapping[str, NDArray[Any]]) -> tuple[Floats, Floats]:
    """Of embeddings (n, d): log-odds per kind (n, kinds) and distance to the training images (n,)."""
    scaled = np.clip((embedding - parameters["mean"]) / parameters["scale"], -6, 6)
    hidden = np.maximum(scaled @ parameters["hidden_weight"] + parameters["hidden_bias"], 0)
    odds = hidden @ parameters["kind_weight"] + parameters["kind_bias"]
    along = (scaled - parameters["centre"]) @ parameters["axes"]
    distance = np.sqrt((along**2 / parameters["spread"]).mean(axis=1))
    return odds, distance


def belonging(odds: Floats) -> Floats:
    """Log-odds (n,) of in-domain against everything else together."""
    others = odds[:, 1:]
    top = others.max(axis=1, keepdims=True)
    return np.asarray(odds[:, 0] - (top[:, 0] + np.log(np.exp(others - top).sum(axis=1))))


def check_domain(
    embeddings: Floats, parameters: Mapping[str, NDArray[Any]], domain: Domain
) -> tuple[Finding, ...]:
    """What the embeddings (n, d) of n views of one image say: a refusal with its kind, or how well it belongs.

    The views' median decides, so that one odd corner neither admits nor refuses an image.
    """
    odds, distance = judge(embeddings, parameters)
    score, limit = float(np.median(belonging(odds))), float(parameters["least_belonging"])
    far, reach = float(np.median(distance)), float(parameters["most_distance"])
    # Written so that a value that is no number refuses.
    if not score >= limit:
        kind = domain.kinds[1 + int(np.median(odds[:, 1:], axis=0).argmax())]
        return (_finding(domain, kind, score, limit, refuses=True),)
    if not far <= reach:
        return (_finding(domain, domain.stranger, far, reach, refuses=True),)
    return (_finding(domain, domain.kinds[0], score, limit, refuses=False),)


def _finding(domain: Domain, kind: str, value: float, limit: float, *, refuses: bool) -> Finding:
    message = domain.advice[kind]
    return Finding(code=kind, message=message, refuses=refuses, value=round(value, 2), limit=round(limit, 2))
