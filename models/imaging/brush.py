"""How cells are drawn: places, soft outlines, grain, the light they take away, the camera that sees it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from models.spec import Pixels

Floats = NDArray[np.float32]
Colour = tuple[int, int, int]
Size = tuple[int, int]
"""Width and height."""
CORNER = 0.16
"""Share of width and height that the word takes at the bottom right; models do not look there."""
_ANGLES = 720
"""Directions in which an outline is computed; a look-up serves the pixels between."""


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A cell's place and radius, in pixels."""

    x: float
    y: float
    radius: float


def scatter(rng: Generator, count: int, size: Size, radius: float) -> list[Spot]:
    """Places that keep their distance, with radii around `radius`; some are cut by the edge."""
    spots: list[Spot] = []
    for _ in range(count * 30):
        new = Spot(
            x=rng.uniform(0, size[0]), y=rng.uniform(0, size[1]), radius=radius * rng.lognormal(0.0, 0.13)
        )
        if all(math.hypot(new.x - old.x, new.y - old.y) > 0.95 * (new.radius + old.radius) for old in spots):
            spots.append(new)
        if len(spots) == count:
            break
    return spots


def window(density: Floats, spot: Spot, reach: float) -> tuple[Floats, Floats, Floats]:
    """The part of the picture within `reach` radii of the spot, and its x and y in radii."""
    size = spot.radius * reach
    rows = slice(max(0, int(spot.y - size)), max(0, int(spot.y + size) + 1))
    columns = slice(max(0, int(spot.x - size)), max(0, int(spot.x + size) + 1))
    part = density[rows, columns]
    y, x = np.mgrid[rows.start : rows.start + part.shape[0], columns.start : columns.start + part.shape[1]]
    scale = np.float32(1 / spot.radius)
    return part, (x - np.float32(spot.x)) * scale, (y - np.float32(spot.y)) * scale


def distance(rng: Generator, x: Floats, y: Floats, stretch: float, waviness: float) -> Floats:
    """Distance from the centre, 1 on a stretched and slightly wavy outline."""
    angles = np.linspace(-np.pi, np.pi, _ANGLES, dtype=np.float32)
    outline = 1 + stretch * np.cos(2 * (angles - rng.uniform(0, np.pi)))
    for waves in (3, 4, 5, 7):
        outline += rng.normal(0, waviness / waves) * np.cos(waves * angles + rng.uniform(0, 2 * np.pi))
    nearest = (np.arctan2(y, x) * ((_ANGLES - 1) / (2 * np.pi)) + _ANGLES / 2).astype(np.int32)
    return np.asarray(np.hypot(x, y) / outline[nearest], np.float32)


def inside(distance: Floats, softness: float) -> Floats:
    """1 inside, 0 outside, with an edge as wide as `softness` radii."""
    return np.asarray(np.clip((1 - distance) / softness + 0.5, 0, 1), np.float32)


def grain(rng: Generator, shape: tuple[int, ...], cell: float) -> Floats:
    """Smooth noise of unit spread whose blobs are `cell` pixels wide."""
    coarse = rng.normal(size=(int(shape[0] / cell) + 3, int(shape[1] / cell) + 3)).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize((shape[1], shape[0]), Image.Resampling.BICUBIC))


def optical(colour: Colour, light: Colour) -> Floats:
    """How strongly something absorbs red, green and blue light, so that what overlaps grows darker."""
    return -np.log(np.array(colour, np.float32) / np.array(light, np.float32))


def exposed(density: Floats, rng: Generator, light: Colour, size: Size) -> Image.Image:
    """The picture that a camera takes of the densities: uneven light, a lens, a sensor."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / width
    tilt = rng.uniform(0, 2 * np.pi)
    uneven = 0.05 * (np.cos(tilt) * (x - 0.5) + np.sin(tilt) * (y - 0.375))
    corner = 0.16 * ((x - 0.5) ** 2 + (y - 0.375) ** 2)
    uneven = uneven - corner + 0.012 * grain(rng, (height, width), width / 4)
    tint = np.array((1.25, 0.9, 0.7), np.float32) * (uneven - uneven.max())[..., None]
    seen = np.array(light, np.float32) * 1.035 * np.exp(tint - density)
    sharp = Image.fromarray(np.clip(seen, 0, 255).astype(np.uint8))
    haze = sharp.filter(ImageFilter.GaussianBlur(width / 30))
    soft = Image.blend(sharp.filter(ImageFilter.GaussianBlur(width / 700)), haze, 0.12)
    noise = 1.6 * rng.standard_normal((height, width, 1), np.float32)
    noise = noise + rng.standard_normal((height, width, 3), np.float32)
    return Image.fromarray(np.clip(np.asarray(soft) + noise, 0, 255).astype(np.uint8))


def signed(image: Image.Image) -> Pixels:
    """The picture with the word that says what it is, where microscopes print their scale bar."""
    width, height = image.size
    box = (round(width * (1 - CORNER * 0.85)), round(height * (1 - CORNER * 0.5)), width - 4, height - 4)
    pen = ImageDraw.Draw(image)
    pen.rectangle(box, fill="white")
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    font = ImageFont.load_default(max(8, round(width * CORNER * 0.17)))
    pen.text(middle, "DRAWN", fill=(170, 20, 20), font=font, anchor="mm")
    return np.asarray(image)
