"""The four scores of pancreas H&E: their bounds, their quarter steps, their total. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

STEP = 0.25
"""Scores are given in quarters, by the network and by readers alike."""


class ScoreError(ValueError):
    """A score that cannot stand; the text says which one and what is expected."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One of the four scores: what it looks at, and its maximum. Its minimum is 0, normal tissue."""

    key: str
    title: str
    most: float
    meaning: str


ITEMS = (
    Item(key="architecture", title="Architecture", most=4,
         meaning="Loss of the lobules and of the acini's order: 0 intact, 4 gone."),
    Item(key="atrophy", title="Atrophy", most=3, meaning="Loss of acinar tissue: 0 none, 3 nearly all."),
    Item(key="complexes", title="Complexes", most=3,
         meaning="Tubular complexes, acini turned into duct-like rings: 0 none, 3 throughout."),
    Item(key="fibrosis", title="Fibrosis", most=4,
         meaning="Collagen between and in the lobules: 0 none, 4 throughout."),
)
KEYS = tuple(item.key for item in ITEMS)
MAXIMA: Mapping[str, float] = MappingProxyType({item.key: item.most for item in ITEMS})
TOTAL_MOST = sum(item.most for item in ITEMS)


def rounded(value: float, most: float) -> float:
    """The value within 0 and `most`, at the nearest quarter; halfway goes up. Raises ScoreError for no number."""
    if not math.isfinite(value):
        raise ScoreError("A score must be a number.")
    return math.floor(min(max(value, 0.0), most) / STEP + 0.5) * STEP


def checked(key: str, value: float) -> float:
    """A score that a reader gave, unchanged. Raises ScoreError where it breaks its bounds or its steps."""
    most = MAXIMA[key]
    if not math.isfinite(value) or not 0 <= value <= most or value % STEP:
        raise ScoreError(f"{key.capitalize()} must be from 0 to {most:g} in steps of {STEP}.")
    return float(value)


def parsed(key: str, text: str) -> float:
    """A score as typed, with a point or a comma. Raises ScoreError."""
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        value = math.nan
    return checked(key, value)


def total(scores: Mapping[str, float]) -> float:
    """The sum of the four scores, 0 to 14. Raises ScoreError for a score that cannot stand, KeyError for none."""
    return sum(checked(key, scores[key]) for key in KEYS)
