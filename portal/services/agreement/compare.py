"""Compares ratings: counts, raw agreement, κ with its interval, and what must be said of too few. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from portal.services.agreement.bootstrap import interval
from portal.services.agreement.kappa import cohen, fleiss, fleiss_parts, identity_weights, quadratic_weights
from portal.services.agreement.scales import CANNOT_JUDGE, Scale

FEW = 10
NOBODY = "No image was read by both."
TOO_FEW = "Fewer than 10 images: too few to conclude anything."
FEW_CASES = "Fewer than 10 cases: the interval is rough at best."
UNDEFINED = "Everything is in one class: κ is undefined."
NO_INTERVAL = "Too little varies for an interval."
Kind = Literal["readers", "pair", "model"]
Places = NDArray[np.int16]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two raters, or more, over the images that they all could judge; `same` is the share read exactly alike.

    `judged_not` counts the images where one said that it cannot be judged; `table` is of two raters only.
    """

    who: str
    kind: Kind
    statistic: str
    images: int
    cases: int
    same: float | None
    kappa: float | None
    low: float | None
    high: float | None
    judged_not: int
    note: str
    table: tuple[tuple[int, ...], ...] = ()


def compare_two(who: str, kind: Kind, scale: Scale, cases: NDArray[Any], one: Places, other: Places) -> Comparison:
    """Cohen's κ of two raters, whose places in the scale stand image by image."""
    size, weights = len(scale.classes), _weights(scale)
    both = (one >= 0) & (other >= 0)
    met, kinds = np.unique(one[both].astype(np.int64) * size + other[both], return_inverse=True)
    parts = np.zeros((len(met), size * size))
    parts[np.arange(len(met)), met] = 1
    cells = np.zeros(size * size, np.int64)
    np.add.at(cells, met[kinds], 1)

    def kappa(sums: NDArray[Any]) -> NDArray[np.float64]:
        return cohen(sums.reshape(-1, size, size), weights)

    spread = interval(kinds, parts, cases[both], kappa)
    unjudged = ((one == CANNOT_JUDGE) | (other == CANNOT_JUDGE)) & (one != -1) & (other != -1)
    table = cells.reshape(size, size)
    same = float(np.trace(table)) / len(kinds) if len(kinds) else None
    return _told(who, kind, "Cohen’s κ", cases[both], same, float(kappa(cells)[0]), spread, int(unjudged.sum()),
                 tuple(tuple(row) for row in table.tolist()))


def compare_many(who: str, scale: Scale, cases: NDArray[Any], places: Places) -> Comparison:
    """Fleiss' κ of three raters or more, in columns; an image counts where two or more could judge it."""
    size, weights = len(scale.classes), _weights(scale)
    rated = (places[:, :, None] == np.arange(size)).sum(1)
    counted = rated.sum(1) >= 2
    rows, kinds = np.unique(rated[counted], axis=0, return_inverse=True)
    parts = fleiss_parts(rows, weights) if len(rows) else np.zeros((0, size + 2))
    plain = fleiss_parts(rows, identity_weights(size)) if len(rows) else parts

    def kappa(sums: NDArray[Any]) -> NDArray[np.float64]:
        return fleiss(sums, weights)

    kinds = kinds.reshape(-1)
    spread = interval(kinds, parts, cases[counted], kappa)
    same = 1.0 - float(plain[kinds, 1].mean()) if len(kinds) else None
    unjudged = (places == CANNOT_JUDGE).any(1) & ((places != -1).sum(1) >= 2)
    return _told(who, "readers", "Fleiss’ κ", cases[counted], same, float(kappa(parts[kinds].sum(0))), spread,
                 int(unjudged.sum()))


def _weights(scale: Scale) -> NDArray[np.float64]:
    return (quadratic_weights if scale.ordered else identity_weights)(len(scale.classes))


def _told(who: str, kind: Kind, statistic: str, cases: NDArray[Any], same: float | None, kappa: float,
          spread: tuple[float, float] | None, judged_not: int,
          table: tuple[tuple[int, ...], ...] = ()) -> Comparison:
    known = bool(np.isfinite(kappa))
    low, high = spread if spread and known else (None, None)
    images, number = len(cases), len(np.unique(cases))
    return Comparison(who=who, kind=kind, statistic=statistic, images=images, cases=number, same=same,
                      kappa=kappa if known else None, low=low, high=high, judged_not=judged_not, table=table,
                      note=_note(images, number, known, spread is not None))


def _note(images: int, cases: int, known: bool, spread: bool) -> str:
    """What must be said before anybody concludes from these figures."""
    if not images:
        return NOBODY
    said = [TOO_FEW] if images < FEW else [FEW_CASES] if cases < FEW else []
    return " ".join([*said, *([UNDEFINED] if not known else [] if spread else [NO_INTERVAL])])
