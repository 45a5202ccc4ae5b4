"""Fields that are drawn from nothing: nuclei of every size and crowding, in haze, fibres, holes and grit."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from models.training.er.data import Floats, Scene

SIDE = 512


def draw_scene(seed: int, side: int = SIDE) -> Scene:
    """One drawn field of side × side pixels, the same for the same seed; its nuclei wait to be stained."""
    rng = np.random.default_rng(seed)
    stains = _stroma(rng, side)
    nuclei = np.zeros((side, side), np.int32)
    radius = rng.uniform(9, 17)
    crowding = rng.uniform(0.1, 0.75)
    elongation = rng.uniform(0.05, 0.55)
    number = 0
    wanted = int(crowding * side * side / (np.pi * radius**2))
    for _ in range(wanted):
        number += _add_nucleus(rng, stains, nuclei, number + 1, radius, elongation)
    classes = np.ones(number + 1, np.uint8)
    classes[0] = 0
    void = np.zeros((side, side), bool)
    return Scene(
        name=f"drawn-{seed}", stains=stains, nuclei=nuclei, classes=classes, void=void, light=np.full(3, 240.0)
    )


def _stroma(rng: Generator, side: int) -> Floats:
    """Stains (side, side, 3) of what lies between nuclei."""
    cells = noise(rng, side, 14) * rng.uniform(0.01, 0.05) + rng.uniform(0.0, 0.06)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    turn = rng.uniform(0, np.pi)
    phase = (x * np.cos(turn) + y * np.sin(turn)) / rng.uniform(4, 9) + 3 * noise(rng, side, 50)
    fibres = np.clip(np.sin(phase), 0, 1) * (noise(rng, side, 60) > 0.3) * rng.uniform(0, 0.06)
    haze = np.clip(noise(rng, side, 25), 0, None) * rng.choice([0, 0.03, 0.1])
    grit = ndimage.gaussian_filter((rng.random((side, side)) < rng.choice([0, 0.002, 0.01])) * 4.0, 1.1)
    residual = noise(rng, side, 3) * 0.01
    hole = noise(rng, side, 70) > rng.choice([0.8, 1.5, 9.0])
    stains = np.stack([cells + fibres, haze + grit * rng.uniform(0, 0.6), residual], axis=2)
    stains[hole] *= 0.1
    return stains.astype(np.float32)


def _add_nucleus(
    rng: Generator, stains: Floats, nuclei: NDArray[np.int32], number: int, radius: float, elongation: float
) -> int:
    """Draws one nucleus, unless it would lie mostly on others; tells whether it did."""
    side = nuclei.shape[0]
    size = radius * rng.lognormal(0, 0.22) * rng.choice([1, 1, 1, 0.6])
    reach = int(size * 2) + 2
    middle = rng.integers(0, side, 2)
    low = np.maximum(middle - reach, 0)
    high = np.minimum(middle + reach, side)
    y, x = np.mgrid[low[0] : high[0], low[1] : high[1]].astype(np.float32) - middle[:, None, None]
    turn, long = rng.uniform(0, np.pi), 1 + elongation * rng.uniform(0, 2)
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    angle = np.arctan2(across, along)
    waves = sum(rng.normal(0, 0.05) * np.cos(n * angle + rng.uniform(0, 6.3)) for n in (2, 3, 4, 5))
    away = np.hypot(along / long**0.5, across * long**0.5) / size * (1 + waves)
    shape = away < 1
    window = (slice(low[0], high[0]), slice(low[1], high[1]))
    taken = nuclei[window] > 0
    if shape.sum() < 12 or (shape & taken).sum() > 0.25 * shape.sum():
        return 0
    shape &= ~taken
    grain = ndimage.gaussian_filter(rng.normal(size=away.shape), rng.uniform(0.8, 2.5))
    texture = 1 + grain / (grain.std() + 1e-6) * rng.uniform(0.05, 0.3)
    rim = rng.uniform(0, 0.6) * np.exp(-(((away - 0.9) / 0.12) ** 2))
    stains[window][..., 0] = np.where(shape, 0.3 * np.clip(texture + rim, 0.3, 2.2), stains[window][..., 0])
    stains[window][..., 1] = np.where(shape, 0, stains[window][..., 1])
    nuclei[window] = np.where(shape, number, nuclei[window])
    return 1


def noise(rng: Generator, side: int, sigma: float) -> Floats:
    """Smooth noise (side, side) of mean 0 and spread 1, with features of about `sigma` pixels."""
    step = max(1, int(sigma / 3))
    small = -(-side // step)
    rough = ndimage.gaussian_filter(rng.normal(size=(small, small)), sigma / step, mode="wrap")
    if step > 1:
        rough = ndimage.zoom(rough, step, order=1)[:side, :side]
    return ((rough - rough.mean()) / (rough.std() + 1e-9)).astype(np.float32)
