"""Draws stained tissue with known answers: how strongly, how many of the cells, and in which part of them."""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy.ndimage import gaussian_filter, maximum_filter

from models.imaging.resize import squash
from models.imaging.stains import DAB
from models.spec import Pixels
from models.training.isight.tissue import Canvas, Floats, Level, Marks


@dataclass(frozen=True, kw_only=True)
class Stain:
    """What is drawn: the truth that the three trained heads are asked for."""

    density: float
    """Decadic optical density along DAB of a stained cell; 0 when nothing is stained."""
    share: float
    """Of the cells in view."""
    nuclear: bool
    outer: bool
    """In cytoplasm or membrane."""


@dataclass(frozen=True, kw_only=True)
class View:
    """How it is shown: `side` pixels of canvas, drawn at level `level`, then shrunk by `shrink`."""

    side: int
    level: int
    shrink: int = 1
    core: bool = False
    """Cut round on white, as a core of a tissue microarray."""
    sparse: float = 0.65
    """How often some cells are left out: how brown a field is must not tell how many of its cells are stained."""


def draw(canvas: Canvas, stain: Stain, view: View, rng: Generator) -> tuple[Pixels, float]:
    """The image, side // shrink pixels square, and the share of the visible cells that really are stained."""
    field = _lay(canvas, view, rng)
    if rng.random() < view.sparse:
        field = _thinned(field, rng)
    shape = _core(view.side, rng) if view.core else None
    factors, share = _choose(field, shape, stain, rng)
    density = field.density * (rng.uniform(0.75, 1.3, 3) * rng.uniform(0.6, 1.6)).astype(np.float32)
    brown = (np.array(DAB) * rng.uniform((0.8, 0.9, 0.85), (1.25, 1.1, 1.15))).astype(np.float32)
    haze = np.float32(rng.uniform(0, 0.035) + rng.uniform(0, 0.05) * stain.density)
    amount = _amount(field, factors, stain, rng)
    amount += haze * np.minimum(field.density[..., 1] * 40, 1)
    density += amount[..., None] * brown
    if shape is not None:
        density *= shape[..., None]
    light = (rng.uniform(236, 253) + rng.uniform(-4, 4, 3)).astype(np.float32)
    density *= np.float32(-np.log(10))
    return _seen(light * np.exp(density, out=density), view, rng), share


def _lay(canvas: Canvas, view: View, rng: Generator) -> Level:
    """Turned and mirrored copies of the canvas beside each other, every cell with a number of its own."""
    level = canvas.levels[view.level]
    tile = level.nuclei.shape[0]
    across = -(-view.side // tile)
    top, left = rng.integers(0, across * tile - view.side + 1, 2)
    rows = []
    for row in range(across):
        tiles = [_turned(level, rng, canvas.count * (row * across + column)) for column in range(across)]
        rows.append([np.concatenate(some, axis=1) for some in zip(*tiles, strict=True)])
    whole = [np.concatenate(some, axis=0) for some in zip(*rows, strict=True)]
    parts = [one[top : top + view.side, left : left + view.side] for one in whole]
    return Level(density=parts[0], nuclei=parts[1], cells=parts[2], rims=parts[3])


def _turned(level: Level, rng: Generator, first: int) -> list[NDArray[np.generic]]:
    turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    found = []
    for one in (level.density, level.nuclei, level.cells, level.rims):
        turned = np.rot90(one[:, ::-1] if mirrored else one, turns)
        found.append(turned + first * (turned > 0) if turned.dtype == np.int32 else turned)
    return found


def _thinned(field: Level, rng: Generator) -> Level:
    """Without some of its cells, few or most."""
    absent = rng.random(int(field.cells.max()) + 1) < rng.uniform(0, 0.85)
    absent[0] = False
    missing = absent[field.nuclei]
    # A little more than the nucleus, for masks leave its soft edge out; never into a nucleus that stays.
    wider = maximum_filter(missing.view(np.uint8), 7) * (missing | (field.nuclei == 0))
    gone = gaussian_filter(wider.astype(np.float32), 0.8)[..., None]
    empty = field.density[::4, ::4][field.cells[::4, ::4] == 0]
    ground = np.median(empty, axis=0) if len(empty) else np.zeros(3)
    filled = ground.astype(np.float32) * (1 + np.float32(0.15) * _grain(len(gone), rng)[..., None])
    cells = np.where(absent[field.cells], 0, field.cells)
    return Level(
        density=field.density * (1 - gone) + filled * gone, nuclei=np.where(missing, 0, field.nuclei),
        cells=cells, rims=field.rims & (cells > 0),
    )


def _core(side: int, rng: Generator) -> Floats:
    """1 inside a disk with an uneven edge and a few gaps, 0 outside, shape (side, side)."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side - 0.5
    uneven = _clouds(side, 6, rng)
    radius = rng.uniform(0.36, 0.48)
    inside = np.hypot(y - rng.uniform(-0.03, 0.03), x - rng.uniform(-0.03, 0.03)) < radius * (1 + 0.04 * uneven)
    if rng.random() < 0.4:
        inside &= _clouds(side, 10, rng) < rng.uniform(1.0, 2.0)
    return gaussian_filter(inside.astype(np.float32), 1.0)


def _clouds(side: int, count: int, rng: Generator) -> Floats:
    """Smooth noise of mean 0 and spread about 1 with `count` clouds across."""
    coarse = rng.standard_normal((count + 2, count + 2)).astype(np.float32)
    grown = Image.fromarray(coarse * 1.4).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(grown)


def _choose(field: Level, shape: Floats | None, stain: Stain, rng: Generator) -> tuple[Floats, float]:
    """A factor per cell number, 0 for unstained ones, and the share of visible cells that are stained."""
    seen = field.nuclei if shape is None else field.nuclei * (shape > 0.5)
    sizes = np.bincount(seen.ravel(), minlength=int(field.cells.max()) + 1)
    sizes[0] = 0
    visible = np.flatnonzero(sizes >= max(3, 0.3 * np.median(sizes[sizes > 0]))) if sizes.any() else np.array([], int)
    factors = np.zeros(len(sizes), np.float32)
    count = round(stain.share * len(visible)) if stain.density > 0 else 0
    if count:
        liking = rng.random(len(sizes)) + rng.choice((0.0, 0.6)) * _neighbourly(field.nuclei, sizes, rng)
        cut = np.sort(liking[visible])[-count]
        # Cells at the edge of the view follow the same rule, so that no edge tells them apart.
        factors[liking >= cut] = np.exp(rng.normal(0, 0.15, int((liking >= cut).sum())))
        factors[0] = 0
    return factors, count / max(1, len(visible))


def _neighbourly(nuclei: Marks, sizes: NDArray[np.intp], rng: Generator) -> Floats:
    """A liking per cell that is alike for neighbours: stained cells often lie together."""
    clouds = _clouds(len(nuclei), int(rng.integers(2, 6)), rng)
    total = np.bincount(nuclei.ravel(), weights=clouds.ravel(), minlength=len(sizes))
    whole = np.bincount(nuclei.ravel(), minlength=len(sizes))
    return np.asarray(total / np.maximum(whole, 1), dtype=np.float32)


def _amount(field: Level, factors: Floats, stain: Stain, rng: Generator) -> Floats:
    """Optical density along DAB, shape (side, side)."""
    side = len(field.nuclei)
    if not stain.density:
        return np.zeros((side, side), np.float32)
    amount = np.zeros((side, side), np.float32)
    nucleus = field.nuclei > 0
    if stain.nuclear:
        amount += factors[field.nuclei]
    if stain.outer:
        around = np.where(nucleus, np.float32(rng.uniform(0, 0.12)), 1)
        form = rng.choice(("fill", "rim", "both"), p=(0.5, 0.25, 0.25))
        if form == "rim":
            around = np.where(field.rims, np.float32(1.0), np.float32(rng.uniform(0.1, 0.3)) * around)
        elif form == "both":
            around = np.where(field.rims, np.float32(1.1), np.float32(rng.uniform(0.5, 0.8)) * around)
        amount = np.maximum(amount, factors[field.cells] * around)
    amount *= 1 + np.float32(rng.uniform(0.05, 0.25)) * _grain(side, rng)
    return np.asarray(gaussian_filter(amount, rng.uniform(0.4, 0.9)) * np.float32(stain.density), dtype=np.float32)


@functools.cache
def _plate() -> Floats:
    """Fine grain of spread 1, within [-2.5, 2.5], that every drawing cuts its own from."""
    noise = np.random.default_rng(0).standard_normal((512, 512)).astype(np.float32)
    fine = gaussian_filter(noise, 1.2, mode="wrap")
    return np.clip(fine / fine.std(), -2.5, 2.5)


def _grain(side: int, rng: Generator) -> Floats:
    rows, columns = ((np.arange(side) + rng.integers(512)) % 512 for _ in range(2))
    return _plate()[np.ix_(rows, columns)]


def _seen(image: Floats, view: View, rng: Generator) -> Pixels:
    """Through a microscope, a camera and a file."""
    pixels = np.asarray(image + 0.5).clip(0, 255).astype(np.uint8)
    if view.shrink > 1:
        pixels = squash(pixels, view.side // view.shrink)
    noise = rng.standard_normal(pixels.shape, dtype=np.float32)
    pixels = np.asarray(pixels + np.float32(rng.uniform(0.5, 3)) * noise).clip(0, 255).astype(np.uint8)
    if rng.random() < 0.35:
        blurred = Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.2))))
        pixels = np.asarray(blurred)
    if rng.random() < 0.35:
        held = io.BytesIO()
        Image.fromarray(pixels).save(held, "JPEG", quality=int(rng.integers(55, 96)))
        pixels = np.asarray(Image.open(held))
    return pixels
