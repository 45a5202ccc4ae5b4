"""Which images are drawn: the truths they are asked for, the sizes they are shown at, and who may see which source."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.spec import Pixels
from models.training.isight.draw import Stain, View, draw
from models.training.isight.tissue import Canvas
from models.training.protocol.splits import ROLES, Role
from models.zoo._isight.bag import SIDE

Range = tuple[float, float]
TRAINED = ("intensity", "location", "quantity")
OPTIONS = 4
DEALT: dict[Role, int] = {"train": 3, "validation": 1, "test": 2}
"""Source images per role: six are few, and two that nobody has seen are worth more than a fourth to learn from."""
NEGATIVE = 0.2
"""Share of images with no stained cell."""
TRIES = 8


@dataclass(frozen=True, kw_only=True)
class Bands:
    """Which densities count as weak, moderate and strong, and which shares are drawn for each quantity."""

    density: tuple[Range, Range, Range]
    share: tuple[Range, Range, Range]


CLEAR = Bands(density=((0.13, 0.26), (0.39, 0.61), (0.87, 1.39)), share=((0.05, 0.18), (0.33, 0.67), (0.84, 1.0)))
"""With gaps between the answers, as readers' words have a middle each. The fit is taught these."""
TOUCHING = Bands(density=((0.11, 0.32), (0.32, 0.74), (0.74, 1.5)), share=((0.03, 0.25), (0.25, 0.75), (0.75, 1.0)))
"""Without gaps: cases on either side of a border differ by nothing that can be seen. Measured, never taught."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """How images are shown: views with their weights."""

    views: tuple[View, ...]
    weights: tuple[float, ...]


def shown(side: int, thumbnails: float = 0.0) -> Shown:
    """Views for patches of `side` pixels: close ones, wider fields of up to four patches, and a share of thumbnails.

    A thumbnail is a whole core in one patch: its nuclei are three to five pixels across.
    """
    double = 2 * side
    close = (*(View(side=side, level=level) for level in (0, 1, 2, 3)), View(side=side, level=3, core=True))
    wide = tuple(View(side=double, level=level, core=True) for level in (1, 2, 3))
    small = thumbnail_views(side)
    parts = ((close, 0.78 * (1 - thumbnails)), (wide, 0.22 * (1 - thumbnails)), (small, thumbnails))
    return Shown(
        views=(*close, *wide, *small),
        weights=tuple(share / len(views) for views, share in parts for _ in views),
    )


def thumbnail_views(side: int) -> tuple[View, ...]:
    """Whole small cores of `side` pixels."""
    return tuple(View(side=2 * side, level=level, shrink=2, core=True) for level in (3, 4))


THUMBNAILS = 0.16
"""Share of them in the fit. The test keeps them apart: where a nucleus is three pixels, location is a guess."""
CLOSE = shown(SIDE)
TINY = Shown(views=thumbnail_views(SIDE), weights=(0.5, 0.5))
WIDE = Shown(
    views=tuple(View(side=3 * SIDE, level=level, core=core) for level in (1, 2, 3) for core in (True, False)),
    weights=(1 / 6,) * 6,
)
"""Larger than anything the fit is shown: up to nine patches."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One drawn image with its true answers (3,), in the order of TRAINED, and the source it stands on."""

    pixels: Pixels
    answers: NDArray[np.int64]
    source: str
    view: View


def deal(paths: Sequence[Path], seed: int) -> dict[Role, list[Path]]:
    """Whole source images by role: no nucleus of a test image is ever in a fit."""
    shuffled = list(paths)
    random.Random(seed).shuffle(shuffled)  # noqa: S311  (a split is no secret)
    dealt: dict[Role, list[Path]] = {}
    for role in ROLES:
        dealt[role], shuffled = sorted(shuffled[: DEALT[role]]), shuffled[DEALT[role] :]
    return dealt


def quantity_of(share: float) -> int:
    """The index of a share of stained cells among the options none, <25%, 25%-75%, >75%."""
    return 0 if share <= 0 else 1 if share < 0.25 else 2 if share <= 0.75 else 3


def make_case(canvases: Sequence[Canvas], bands: Bands, look: Shown, rng: Generator) -> Case:
    """One case. Drawn again when the few cells in view do not allow the wanted share."""
    canvas = canvases[int(rng.integers(len(canvases)))]
    view = look.views[int(rng.choice(len(look.views), p=look.weights))]
    negative = rng.random() < NEGATIVE
    strength, amount, place = (0, 0, 0) if negative else (int(one) for one in rng.integers(1, OPTIONS, 3))
    for _ in range(TRIES):
        stain = Stain(
            density=0.0 if negative else rng.uniform(*bands.density[strength - 1]),
            share=0.0 if negative else rng.uniform(*bands.share[amount - 1]),
            nuclear=place in (2, 3), outer=place in (1, 3),
        )
        pixels, share = draw(canvas, stain, view, rng)
        if quantity_of(share) == amount:
            break
    else:
        amount = quantity_of(share)
        strength, place = (strength, place) if amount else (0, 0)
    answers = np.array([strength, place, amount], dtype=np.int64)
    return Case(pixels=pixels, answers=answers, source=canvas.name, view=view)


def make_cases(
    canvases: Sequence[Canvas], count: int, seed: int, bands: Bands = CLEAR, look: Shown = CLOSE
) -> Iterator[Case]:
    """`count` cases, the same for the same seed."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield make_case(canvases, bands, look, rng)
