"""Drawn H&E tissue: glands in a pink stroma, to show what a model for blood smears refuses."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator

from models.imaging.brush import (
    Colour,
    Floats,
    Size,
    Spot,
    distance,
    exposed,
    grain,
    inside,
    optical,
    scatter,
    signed,
    window,
)
from models.spec import Pixels

LIGHT: Colour = (250, 248, 250)
EOSIN: Colour = (232, 150, 190)
HAEMATOXYLIN: Colour = (112, 72, 150)


def draw_tissue(seed: int, size: Size = (800, 600)) -> Pixels:
    """Drawn tissue in haematoxylin and eosin of `size` (width, height), the same for the same seed."""
    rng = np.random.default_rng(seed)
    width = size[0]
    density = _stroma(rng, size)[..., None] * optical(EOSIN, LIGHT)
    glands = scatter(rng, 7, size, width / 9)
    for gland in glands:
        _add_gland(density, rng, gland)
    for spot in scatter(rng, 800, size, width / 110):
        if all(math.hypot(spot.x - gland.x, spot.y - gland.y) > gland.radius for gland in glands):
            _add_nucleus(density, rng, spot)
    return signed(exposed(density, rng, LIGHT, size))


def _stroma(rng: Generator, size: Size) -> Floats:
    """Thickness of wavy fibres."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    bend = 40 * grain(rng, (height, width), width / 6)
    fibres = np.sin((y + 0.5 * x + bend) / 4.5) * 0.18
    coarse = 0.25 * grain(rng, (height, width), width / 20)
    fine = 0.1 * grain(rng, (height, width), 3)
    return np.asarray(np.clip(0.9 + fibres + coarse + fine, 0.1, 2), np.float32)


def _add_gland(density: Floats, rng: Generator, spot: Spot) -> None:
    """A ring of cells around an empty middle."""
    part, x, y = window(density, spot, 1.5)
    reach = distance(rng, x, y, 0.12, 0.15)
    wall, hollow = inside(reach, 0.06), inside(reach / 0.55, 0.12)
    part *= 1 - wall[..., None]
    part += (wall * (1 - hollow) * 1.15)[..., None] * optical(EOSIN, LIGHT)
    for angle in np.arange(0, 2 * np.pi, 0.24):
        away = spot.radius * rng.uniform(0.78, 0.92)
        place = Spot(
            x=spot.x + away * np.cos(angle), y=spot.y + away * np.sin(angle), radius=spot.radius * 0.085
        )
        _add_nucleus(density, rng, place)


def _add_nucleus(density: Floats, rng: Generator, spot: Spot) -> None:
    part, x, y = window(density, spot, 1.9)
    if part.size == 0:
        return
    shape = inside(distance(rng, x, y, rng.uniform(0.1, 0.4), 0.05), 0.3)
    texture = np.clip(1 + 0.2 * grain(rng, part.shape[:2], 2.5), 0.4, 1.6) * rng.uniform(0.6, 1.0)
    part += (shape * texture)[..., None] * optical(HAEMATOXYLIN, LIGHT)
