"""What two versions say of the same kept-out images, figure by figure, with intervals over whole groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models.spec import Reading
from models.training.protocol.measures import block_draws
from models.training.protocol.own import Example

Indexes = NDArray[np.intp]
Figure = Callable[[Indexes], float]
DRAWS = 1000
FEW_GROUPS, FEW_IMAGES = 8, 50
"""Kept-out groups below which nothing is concluded, and images below which a reader is warned."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """What both versions say of one kept-out image that both read."""

    example: Example
    candidate: Reading
    base: Reading


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One figure of both versions."""

    name: str
    better: str
    candidate: Figure
    base: Figure


def both(name: str, better: str, figure: Callable[[int, Indexes], float]) -> Compared:
    """A figure of side 0, the candidate, and of side 1, the version it started from."""
    return Compared(name=name, better=better, candidate=lambda i: figure(0, i), base=lambda i: figure(1, i))


def surely_less(gain: NDArray[np.float64], pairs: Sequence[Pair], seed: int) -> bool:
    """Whether the mean of a number per image (n,) lies below 0 with its whole interval, over enough groups."""
    if len({one.example.group for one in pairs}) < FEW_GROUPS:
        return False
    drawn = [float(gain[i].mean()) for i in block_draws(blocks_of(pairs), seed, DRAWS)]
    return float(np.quantile(drawn, 0.975)) < 0


def blocks_of(pairs: Sequence[Pair]) -> list[tuple[int, int]]:
    """The group of each image, by stratum."""
    names = sorted({one.example.group for one in pairs})
    return [(one.example.stratum, names.index(one.example.group)) for one in pairs]


def rows_of(figures: Sequence[Compared], pairs: Sequence[Pair], seed: int) -> list[dict[str, Any]]:
    """Every figure of both and its difference, with intervals over the same draws of whole groups."""
    every = np.arange(len(pairs))
    draws = list(block_draws(blocks_of(pairs), seed, DRAWS))
    rows = []
    for one in tqdm(figures, desc="intervals", leave=False):
        here = one.candidate(every), one.base(every)
        drawn = np.array([(one.candidate(i), one.base(i)) for i in draws])
        rows.append({
            "name": one.name, "better": one.better,
            "candidate": _value(here[0], drawn[:, 0]), "active": _value(here[1], drawn[:, 1]),
            "difference": _value(here[0] - here[1], drawn[:, 0] - drawn[:, 1]),
        })
    return rows


def _value(value: float, drawn: NDArray[np.float64]) -> dict[str, float | None]:
    known = drawn[np.isfinite(drawn)]
    low, high = (np.quantile(known, (0.025, 0.975)).tolist() if len(known) else (None, None))
    return {"value": value if np.isfinite(value) else None, "low": low, "high": high}


def conclusion(row: dict[str, Any], pairs: Sequence[Pair]) -> dict[str, str]:
    """Better or worse only where the whole interval of the difference says so, and enough groups stand behind it."""
    gap, groups = row["difference"], len({one.example.group for one in pairs})
    told = f"{row['name']}: a difference of {gap['value']:+.3f} ({gap['low']:+.3f} to {gap['high']:+.3f})"
    if groups < FEW_GROUPS:
        return {"verdict": "cannot-tell",
                "sentence": f"{told}, but only {groups} groups were kept out: too few to say which is better."}
    sign = 1 if row["better"] == "higher" else -1
    if sign * gap["low"] > 0 and sign * gap["high"] > 0:
        return {"verdict": "better", "sentence": f"{told} in favour of the candidate on {len(pairs)} images."}
    if sign * gap["low"] < 0 and sign * gap["high"] < 0:
        return {"verdict": "worse", "sentence": f"{told} against the candidate on {len(pairs)} images."}
    return {"verdict": "cannot-tell", "sentence": f"{told}: these images do not say which of the two is better."}


def few(pairs: Sequence[Pair]) -> list[str]:
    groups = len({one.example.group for one in pairs})
    warnings = []
    if groups < FEW_GROUPS:
        warnings.append(f"Only {groups} groups were kept out; from {FEW_GROUPS} on, something is concluded.")
    if len(pairs) < FEW_IMAGES:
        warnings.append(f"Only {len(pairs)} images were kept out: small differences cannot be seen.")
    return warnings
