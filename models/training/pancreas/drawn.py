"""Drawn pancreas in haematoxylin and eosin, each of the four scores drawn as strongly as it is said to be.

No image with expert scores is at hand, so these prove the pipeline. Acini fill lobules; architecture takes their
order, outlines, polarity and blue base, atrophy turns acini into fat and shrinks the rest, complexes turn acini into
rings around a pale lumen, fibrosis lays collagen between the lobules. Stain, size, light and noise vary besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.imaging.brush import Colour, Floats, Size, exposed, grain, optical
from models.scoring.pancreas import ITEMS
from models.spec import Pixels
from models.training.pancreas.mosaic import border, tiled

LIGHT: Colour = (250, 248, 250)
EOSIN: Colour = (232, 150, 190)
HAEMATOXYLIN: Colour = (112, 72, 150)
Range = Literal["usual", "strong", "weak"]
STAINS: dict[Range, tuple[float, float]] = {"usual": (0.75, 1.25), "strong": (1.3, 1.6), "weak": (0.5, 0.7)}
"""Factors of both stains; only the usual ones are trained on."""
_FAT, _RING, _ACINUS = 0, 1, 2


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """What decides one drawn image: scores in the order of `ITEMS`, a seed, a range of stain strengths, a size."""

    scores: tuple[float, ...]
    seed: int
    stain: Range = "usual"
    size: Size = (512, 512)


def draw_pancreas(drawing: Drawing) -> Pixels:
    """The same image for the same drawing."""
    rng = np.random.default_rng((20_261_121, drawing.seed))
    shares = [score / item.most for score, item in zip(drawing.scores, ITEMS, strict=True)]
    stains = _stains(rng, drawing.stain)
    tissue = _Tissue(rng, drawing.size, shares)
    density = tissue.haematoxylin[..., None] * stains[0] + tissue.eosin[..., None] * stains[1]
    return np.asarray(exposed(density, rng, LIGHT, drawing.size))


def independent(rng: Generator, count: int) -> list[tuple[float, ...]]:
    """Scores in quarters, each uniform over its range whatever the others are."""
    return [tuple(float(rng.integers(0, item.most * 4 + 1)) / 4 for item in ITEMS) for _ in range(count)]


def _stains(rng: Generator, strengths: Range) -> list[Floats]:
    """The two stains' optical densities (3,), their strength from a range and their hue a little turned."""
    low, high = STAINS[strengths]
    return [
        optical(colour, LIGHT) * np.float32(rng.uniform(low, high)) * rng.normal(1, 0.06, 3).astype(np.float32)
        for colour in (HAEMATOXYLIN, EOSIN)
    ]


class _Tissue:
    """How much of each stain every pixel holds, shapes (height, width)."""

    def __init__(self, rng: Generator, size: Size, shares: Sequence[float]) -> None:
        self.rng, self.shape = rng, (size[1], size[0])
        self.disorder, self.loss, self.tubes, self.scar = shares
        self.pitch = size[0] / rng.uniform(10, 16)
        self.acini = tiled(rng, self.shape, self.pitch, 0.12 + 0.33 * self.disorder, 0.1 + 1.1 * self.disorder)
        self.lobules = border(rng, self.shape, self.pitch * rng.uniform(2.5, 3.5), 0.35, 0.3)
        self.kinds = self._kinds()
        self.collagen, self.cleft = self._collagen(), self._clefts()
        self.eosin, self.haematoxylin = self._stroma()
        self._add_acini()
        self.haematoxylin += self._nuclei()

    def _collagen(self) -> Floats:
        """1 in the bands of collagen: the pixels nearest to the lobules' borders, as many as fibrosis asks for."""
        nearness = self.lobules + 0.07 * grain(self.rng, self.shape, self.pitch * 0.7)
        limit = np.quantile(nearness[::4, ::4], 0.03 + 0.45 * self.scar)
        return np.asarray(np.clip((limit - nearness) / 0.03 + 0.5, 0, 1), np.float32)

    def _clefts(self) -> Floats:
        """1 in the empty gaps between lobules that every section has, fewer where collagen fills them."""
        width = (0.03 + self.rng.uniform(0, 0.09)) * (1 - 0.7 * self.scar)
        open_here = np.clip(grain(self.rng, self.shape, self.pitch * 5) + 0.5, 0, 1)
        return np.asarray(np.clip((width * open_here - self.lobules) / 0.03 + 0.5, 0, 1), np.float32)

    def _kinds(self) -> NDArray[np.int8]:
        """Each acinus is one of fat, ring, acinus; shares are exact, fat lies in clusters."""
        count = self.acini.count
        kinds = np.full(count, _ACINUS, np.int8)
        clusters = grain(self.rng, self.shape, self.pitch * 2.5)
        middles = zip(self.acini.at, self.shape, strict=True)
        rows, columns = (np.clip(at.astype(int), 0, side - 1) for at, side in middles)
        order = np.argsort(clusters[rows, columns] + self.rng.normal(0, 0.8, count))
        gone = round(0.5 * self.loss * count)
        kinds[order[:gone]] = _FAT
        left = self.rng.permutation(order[gone:])
        kinds[left[: round(0.8 * self.tubes * len(left))]] = _RING
        return kinds

    def _stroma(self) -> tuple[Floats, Floats]:
        """Eosin and haematoxylin where there is no acinus: clefts that are nearly empty, and wavy collagen."""
        bend = self.pitch * 0.6 * grain(self.rng, self.shape, self.pitch * 2)
        y, x = np.mgrid[0 : self.shape[0], 0 : self.shape[1]].astype(np.float32)
        angle = self.rng.uniform(0, np.pi)
        waves = np.sin((np.cos(angle) * y + np.sin(angle) * x + bend) * (2 * np.pi / (self.pitch * 0.35)))
        fibres = 0.5 + 0.12 * waves + 0.08 * grain(self.rng, self.shape, 2.5)
        held = self.collagen * (1 - self.cleft)
        return np.asarray(0.05 + held * fibres, np.float32), np.asarray(0.03 * held, np.float32)

    def _add_acini(self) -> None:
        """Bodies over the stroma: purple base and pink apex where order is kept, one mixture where it is lost."""
        rng, acini = self.rng, self.acini
        nearest = acini.nearest
        lost = np.clip(self.disorder + rng.normal(0, 0.12, acini.count), 0, 1).astype(np.float32)[nearest]
        strength = rng.normal(1, 0.1, acini.count).astype(np.float32)[nearest]
        kind = self.kinds[nearest]
        gap = 0.05 + rng.uniform(0, 0.05) + 0.2 * self.loss
        outline = acini.edge - gap * (1 - 0.7 * lost * (1 - self.loss))
        room = (1 - self.collagen) * (1 - self.cleft)
        body = np.clip(outline / 0.1 + 0.5, 0, 1) * room
        texture = 1 + 0.1 * grain(rng, self.shape, 2.5) + 0.12 * lost * grain(rng, self.shape, self.pitch * 0.3)
        apex = np.clip((0.29 - acini.reach) / 0.12 + 0.5, 0, 1) * (1 - lost)
        lumen = np.clip((0.3 - acini.reach) / 0.06 + 0.5, 0, 1)
        is_ring, is_fat = kind == _RING, kind == _FAT
        purple = np.where(is_ring, 0.55 - 0.25 * lost - 0.38 * lumen, 0.65 - 0.4 * apex - 0.4 * lost)
        pink = np.where(is_ring, (0.2 + 0.5 * lost) * (1 - lumen), 0.6 + 0.5 * apex + 0.5 * lost)
        membrane = np.clip(1 - np.abs(acini.edge - 0.06) / 0.05, 0, 1) * room
        full = np.where(is_fat, 0, body * strength * texture)
        self.haematoxylin = self.haematoxylin * (1 - body) + full * purple
        self.eosin = self.eosin * (1 - body) + full * pink + np.where(is_fat, 0.35 * membrane, 0)

    def _nuclei(self) -> Floats:
        """Dots of haematoxylin: at the base of acini, anywhere in disordered ones, around lumina, along collagen."""
        rng, acini = self.rng, self.acini
        per = rng.integers(5, 8, acini.count) * (self.kinds != _FAT)
        whose = np.repeat(np.arange(acini.count), per)
        astray = rng.random(len(whose)) < self.disorder * (self.kinds[whose] != _FAT)
        away = np.where(astray, 0.5 * np.sqrt(rng.random(len(whose))), rng.normal(0.39, 0.03, len(whose)))
        turn = rng.uniform(0, 2 * np.pi, len(whose))
        rows = acini.at[0][whose] + away * self.pitch * np.sin(turn)
        columns = acini.at[1][whose] + away * self.pitch * np.cos(turn)
        dots = self._dots(rows, columns, self.pitch * 0.085)
        loose = rng.uniform(0, 1, (2, max(1, round(acini.count * 3)))) * np.array(self.shape)[:, None]
        fibroblasts = self._dots(loose[0], loose[1], self.pitch * 0.06) * self.collagen
        return np.asarray((dots * (1 - self.collagen) + 0.8 * fibroblasts) * (1 - self.cleft), np.float32)

    def _dots(self, rows: NDArray[np.float64], columns: NDArray[np.float64], radius: float) -> Floats:
        """Soft discs of that radius in pixels, as dark as two thirds of a full stain; those outside are left out."""
        seen = (rows >= 0) & (rows < self.shape[0]) & (columns >= 0) & (columns < self.shape[1])
        places = rows[seen].astype(int) * self.shape[1] + columns[seen].astype(int)
        weight = self.rng.uniform(0.6, 1.1, len(places))
        points = np.bincount(places, weight, self.shape[0] * self.shape[1]).reshape(self.shape)
        return np.asarray(np.clip(1.3 * _spread(points.astype(np.float32), radius), 0, 0.8), np.float32)


def _spread(points: Floats, sigma: float) -> Floats:
    """Each point as a Gaussian hill of that width and of the point's height."""
    reach = int(3 * sigma) + 1
    hill = np.exp(-0.5 * (np.arange(-reach, reach + 1, dtype=np.float32) / np.float32(sigma)) ** 2)
    for axis in (0, 1):
        room = [(reach, reach) if one == axis else (0, 0) for one in (0, 1)]
        padded = np.pad(points, room)
        pieces = [np.take(padded, range(i, i + points.shape[axis]), axis) for i in range(len(hill))]
        points = sum((piece * height for piece, height in zip(pieces, hill, strict=True)), np.zeros_like(points))
    return points


