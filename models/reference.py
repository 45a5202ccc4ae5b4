"""How the images looked that a version was measured on, and how many of them it refused: what drift is told from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models.card import CARDS
from models.imaging.looks import look_at
from models.spec import Micrograph, ModelSpec, Reading


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Of `images` real images that no fit has seen: by measure the values, sorted, of those that it is known of.

    `what` says which images they are.
    """

    images: int
    refused: int
    what: str
    command: str
    values: Mapping[str, tuple[float, ...]]


def load_reference(spec: ModelSpec, cards: Path = CARDS) -> Reference | None:
    """The reference beside the version's card; None where nobody measured one with these very weights."""
    try:
        held = json.loads((cards / f"{spec.key}-{spec.version}" / "reference.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if held["weights_sha256"] != spec.weights_sha256:
        return None
    return Reference(images=held["images"], refused=held["refused"], what=held["what"], command=held["command"],
                     values={name: tuple(values) for name, values in held["values"].items()})


def seen_of(spec: ModelSpec, micrograph: Micrograph, reading: Reading) -> dict[str, float]:
    """What is compared of one image, by measure; what is not known of it is left out."""
    seen = {**asdict(look_at(micrograph.pixels)), "um_per_px": micrograph.um_per_px,
            "side": min(micrograph.width, micrograph.height), "score": score_of(spec, reading.scores)}
    return {name: float(value) for name, value in seen.items() if value is not None}


def score_of(spec: ModelSpec, scores: Mapping[str, Any]) -> float | None:
    """One number that stands for an answer: the largest of the labels' probabilities, or the first of its measures,
    or the probability of the answer to its first question. None where there is none.
    """
    labelled = [scores[one.name] for one in spec.labels if isinstance(scores.get(one.name), int | float)]
    if labelled:
        return float(max(labelled))
    measured = [scores[one.key] for one in spec.measures if isinstance(scores.get(one.key), int | float)]
    if measured:
        return float(measured[0])
    answered = [scores[one.key] for one in spec.questions if isinstance(scores.get(one.key), dict)]
    return float(max(answered[0].values())) if answered and answered[0] else None
