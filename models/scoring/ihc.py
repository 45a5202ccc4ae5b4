"""Nuclear staining scored from counted nuclei: H-score, Allred, and the ASCO/CAP 2020 category of ER.

All shares are of nuclei, never of area, and are rounded to a whole per cent (half up) before a boundary is
looked at, in whole numbers, so that no boundary depends on a binary fraction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Intensity = Literal["normal", "weak", "moderate", "strong"]
Category = Literal["negative", "low-positive", "positive"]
INTENSITIES: tuple[Intensity, ...] = ("normal", "weak", "moderate", "strong")
LOW_POSITIVE_COMMENT = (
    "ER Low Positive (1–10 %): little is known about how much endocrine treatment helps here, though it may; such "
    "cancers are a mixed group and often resemble ER-negative ones."
)
"""The comment that ASCO/CAP 2020 asks for beside this category, in our words."""
CONTROL_QUESTION = "Were the internal and external controls stained as expected?"
CONTROL_LIMIT = 10
"""Whole per cent up to which the state of the controls is asked for."""
POSITIVE_ALLRED = 3


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Nuclei of each intensity; normal means unstained. Raises ValueError when one is negative."""

    normal: int = 0
    weak: int = 0
    moderate: int = 0
    strong: int = 0

    def __post_init__(self) -> None:
        if min(self.normal, self.weak, self.moderate, self.strong) < 0:
            raise ValueError("a count of nuclei cannot be negative")

    @property
    def total(self) -> int:
        return self.normal + self.positive

    @property
    def positive(self) -> int:
        return self.weak + self.moderate + self.strong

    def of(self, intensity: Intensity) -> int:
        """The count of one intensity."""
        return {"normal": self.normal, "weak": self.weak, "moderate": self.moderate, "strong": self.strong}[intensity]

    def moved(self, before: Intensity, after: Intensity) -> Counts:
        """One nucleus called otherwise. Raises ValueError when there is none to move."""
        if before == after:
            return self
        return replace(self, **{before: self.of(before) - 1, after: self.of(after) + 1})


def percent(part: int, counts: Counts) -> float:
    """`part` nuclei as per cent of all. Raises ValueError when no nucleus was counted."""
    return 100 * part / _total(counts)


def whole_percent(counts: Counts) -> int:
    """Positive nuclei in whole per cent, half rounded up. Raises ValueError when no nucleus was counted."""
    return (200 * counts.positive + _total(counts)) // (2 * counts.total)


def h_score(counts: Counts) -> float:
    """1 × % weak + 2 × % moderate + 3 × % strong, 0–300."""
    return percent(counts.weak + 2 * counts.moderate + 3 * counts.strong, counts)


def proportion_score(counts: Counts) -> int:
    """Allred's 0–5. More than none but below 1 % is 1, whatever rounding would make of it."""
    if counts.positive == 0:
        return 0
    if 100 * counts.positive < _total(counts):
        return 1
    share = whole_percent(counts)
    return 2 + sum(share >= bound for bound in (11, 34, 67))


def intensity_score(counts: Counts) -> int:
    """Allred's 0–3: mean intensity of the positive nuclei, half rounded up."""
    if counts.positive == 0:
        return 0
    weighted = counts.weak + 2 * counts.moderate + 3 * counts.strong
    return (2 * weighted + counts.positive) // (2 * counts.positive)


def allred(counts: Counts) -> int:
    """Proportion plus intensity score: 0, or 2–8; from 3 on it counts as positive. Never 1."""
    _total(counts)
    return proportion_score(counts) + intensity_score(counts)


def category(counts: Counts) -> Category:
    """ASCO/CAP 2020 of the whole per cent: below 1 negative, 1–10 low positive, above 10 positive."""
    share = whole_percent(counts)
    if share < 1:
        return "negative"
    return "low-positive" if share <= CONTROL_LIMIT else "positive"


def comments(counts: Counts) -> tuple[str, ...]:
    """What the guideline asks to be said or asked beside the category."""
    told = (LOW_POSITIVE_COMMENT,) if category(counts) == "low-positive" else ()
    return (*told, CONTROL_QUESTION) if whole_percent(counts) <= CONTROL_LIMIT else told


def scores(counts: Counts) -> dict[str, float | int]:
    """Every number that follows from the counts. Raises ValueError when no nucleus was counted."""
    return {
        "h_score": h_score(counts),
        "allred": allred(counts),
        "percent_positive": percent(counts.positive, counts),
        "percent_weak": percent(counts.weak, counts),
        "percent_moderate": percent(counts.moderate, counts),
        "percent_strong": percent(counts.strong, counts),
        "nuclei": counts.total,
    }


def _total(counts: Counts) -> int:
    if counts.total == 0:
        raise ValueError("no nucleus was counted, so there is nothing to score")
    return counts.total
