"""Whether what is read now looks like what a version was measured on. Pure; honest about small numbers.

The distance of two samples is Kolmogorov's: the largest difference of their cumulative shares, 0 to 1. Its interval is
that of Dvoretzky, Kiefer and Wolfowitz (with Massart's constant): it holds for every distribution and every number of
images and is rather too wide than too narrow. It takes images for independent, which those of one patient are not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

LEAST = 30
"""Images below which nothing is said."""
ERROR = 0.05
"""How often all intervals of one version together may be wrong."""
BINS = 24
Z = 1.959964

Verdict = Literal["too-few", "same", "moved"]


@dataclass(frozen=True, kw_only=True)
class Shift:
    """How far apart two samples of `now` and `before` images are; no distance with too few of them."""

    now: int
    before: int
    verdict: Verdict
    distance: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Rate:
    """So many of so many, as a share with its 95 % interval; None of none."""

    hits: int
    trials: int
    share: float | None
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Shares per bin of both samples over the same edges; `least` and `most` are the outer ones."""

    least: float
    most: float
    now: tuple[float, ...]
    before: tuple[float, ...]


def shift_between(now: Sequence[float], before: Sequence[float], measures: int = 1) -> Shift:
    """Compare two samples, one of `measures` comparisons that are looked at together."""
    if min(len(now), len(before)) < LEAST:
        return Shift(now=len(now), before=len(before), verdict="too-few")
    found = distance(now, before)
    reach = band(len(now), measures) + band(len(before), measures)
    low = max(0.0, found - reach)
    return Shift(now=len(now), before=len(before), distance=found, low=low, high=min(1.0, found + reach),
                 verdict="moved" if low > 0 else "same")


def distance(first: Sequence[float], second: Sequence[float]) -> float:
    """Kolmogorov's distance of two samples that are not empty."""
    ranked = np.sort(np.asarray(first, dtype=np.float64)), np.sort(np.asarray(second, dtype=np.float64))
    places = np.concatenate(ranked)
    shares = [np.searchsorted(one, places, side="right") / one.size for one in ranked]
    return float(np.abs(shares[0] - shares[1]).max())


def band(images: int, measures: int) -> float:
    """How far a sample's cumulative shares lie from the truth at most, but for its part of `ERROR`."""
    return math.sqrt(math.log(4 * measures / ERROR) / (2 * images))


def rate_of(hits: int, trials: int) -> Rate:
    """A share with its Wilson interval."""
    if not trials:
        return Rate(hits=hits, trials=trials, share=None, low=0.0, high=1.0)
    share, square = hits / trials, Z * Z / trials
    middle = (share + square / 2) / (1 + square)
    half = Z / (1 + square) * math.sqrt(share * (1 - share) / trials + square / (4 * trials))
    return Rate(hits=hits, trials=trials, share=share, low=min(share, max(0.0, middle - half)),
                high=max(share, min(1.0, middle + half)))


def rates_differ(now: Rate, before: Rate) -> Verdict:
    """Whether Newcombe's interval of the difference of two shares leaves 0 out."""
    if min(now.trials, before.trials) < LEAST or now.share is None or before.share is None:
        return "too-few"
    difference = now.share - before.share
    low = difference - math.hypot(now.share - now.low, before.high - before.share)
    high = difference + math.hypot(now.high - now.share, before.share - before.low)
    return "moved" if low > 0 or high < 0 else "same"


def histogram(now: Sequence[float], before: Sequence[float]) -> Histogram | None:
    """Both samples in bins of one width; None where both together are empty."""
    together = [*now, *before]
    if not together:
        return None
    least, most = min(together), max(together)
    if least == most:
        least, most = least - 0.5, most + 0.5
    edges = np.linspace(least, most, BINS + 1)
    return Histogram(least=least, most=most, now=_shares(now, edges), before=_shares(before, edges))


def outline(shares: Sequence[float], width: float, height: float, top: float) -> str:
    """The points of a stepped line "x,y x,y …" from the left foot to the right one; `top` is the share at the top."""
    step = width / max(1, len(shares))
    points = [(0.0, height)]
    for place, share in enumerate(shares):
        level = height * (1 - share / top if top else 1)
        points += [(place * step, level), ((place + 1) * step, level)]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in [*points, (width, height)])


def _shares(values: Sequence[float], edges: NDArray[np.float64]) -> tuple[float, ...]:
    counted, _ = np.histogram(values, bins=edges)
    return tuple(float(one) / max(1, len(values)) for one in counted)
