"""Blood smears drawn by this code alone, for a first try without anybody's data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageFilter, PngImagePlugin

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
from models.imaging.tissue import draw_tissue
from models.spec import Pixels

Kind = Literal["blasts", "sparse"]
DRAWN_PREFIX = "secondread-drawn-"
"""What the name of every drawn file begins with."""
RED_CELLS_ACROSS = 13.0
"""Red cells that would fit side by side into the width."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """How one stain and one field look; colours are what the light is after passing the thing once."""

    light: Colour
    red_cell: Colour
    nucleus: Colour
    cytoplasm: Colour
    smudge: Colour
    clumps: int
    blasts: int
    smudges: int


LOOKS: dict[Kind, Look] = {
    "blasts": Look(
        light=(243, 255, 255),
        red_cell=(160, 190, 240),
        nucleus=(150, 116, 250),
        cytoplasm=(130, 155, 240),
        smudge=(222, 180, 244),
        clumps=46,
        blasts=18,
        smudges=3,
    ),
    "sparse": Look(
        light=(249, 255, 252),
        red_cell=(172, 188, 226),
        nucleus=(150, 116, 250),
        cytoplasm=(145, 158, 236),
        smudge=(218, 184, 242),
        clumps=45,
        blasts=12,
        smudges=2,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One drawn file and what it shows, in a sentence."""

    path: Path
    what: str


def draw_smear(seed: int, kind: Kind = "blasts", size: Size = (800, 600)) -> Pixels:
    """A drawn peripheral blood smear of `size` (width, height), the same for the same seed."""
    rng, look = np.random.default_rng(seed), LOOKS[kind]
    width, height = size
    density = np.zeros((height, width, 3), np.float32)
    unit = width / RED_CELLS_ACROSS
    blasts = scatter(rng, look.blasts, size, unit * 0.66)
    for spot in scatter(rng, look.smudges, size, unit * 0.9):
        _add_smudge(density, rng, spot, look)
    for spot in _red_cells(rng, look.clumps, size, unit):
        if all(math.hypot(spot.x - big.x, spot.y - big.y) > big.radius + spot.radius * 0.6 for big in blasts):
            _add_red_cell(density, rng, spot, look)
    density = _glazed(density)
    for spot in blasts:
        _add_blast(density, rng, spot, look)
    for spot in scatter(rng, 14, size, unit * 0.07):
        _add_platelet(density, rng, spot, look)
    return signed(exposed(density, rng, look.light, size))


def _red_cells(rng: Generator, clumps: int, size: Size, unit: float) -> list[Spot]:
    """Red cells lie in short chains that overlap, and alone."""
    spots: list[Spot] = []
    for _ in range(clumps):
        x, y = rng.uniform(0, size[0]), rng.uniform(0, size[1])
        direction = rng.uniform(0, 2 * np.pi)
        for _ in range(int(rng.choice([1, 1, 2, 3, 4, 6]))):
            if all(math.hypot(x - other.x, y - other.y) > 0.55 * unit for other in spots):
                spots.append(Spot(x=x, y=y, radius=unit * 0.5 * rng.uniform(0.82, 1.06)))
            direction += rng.normal(0, 0.7)
            step = unit * rng.uniform(0.6, 0.95)
            x, y = x + step * np.cos(direction), y + step * np.sin(direction)
    return spots


def _add_red_cell(density: Floats, rng: Generator, spot: Spot, look: Look) -> None:
    part, x, y = window(density, spot, 1.6)
    reach = distance(rng, x, y, rng.uniform(0, 0.09), 0.05)
    softness = rng.uniform(0.08, 0.2)
    pallor = rng.choice([0.25, 0.6, 0.85]) * inside(reach / rng.uniform(0.45, 0.6), 0.5)
    rim = 0.25 * np.exp(-(((reach - 0.86) / 0.12) ** 2))
    thickness = inside(reach, softness) * (0.95 - pallor + rim) * rng.uniform(0.75, 1.15)
    part += thickness[..., None] * optical(look.red_cell, look.light)


def _add_blast(density: Floats, rng: Generator, spot: Spot, look: Look) -> None:
    part, x, y = window(density, spot, 1.5)
    if part.size == 0:
        return
    stretch = rng.uniform(0.0, 0.06)
    cell = inside(distance(rng, x, y, stretch, 0.06), 0.07)[..., None]
    shift = rng.uniform(0, 2 * np.pi)
    nucleus_x, nucleus_y = x - 0.05 * np.cos(shift), y - 0.05 * np.sin(shift)
    nucleus = inside(distance(rng, nucleus_x, nucleus_y, stretch, 0.06) / rng.uniform(0.88, 0.95), 0.09)
    shape = part.shape[:2]
    chromatin = 0.14 * grain(rng, shape, spot.radius / 4) + 0.14 * grain(rng, shape, spot.radius / 9)
    depth = np.clip(1 + chromatin, 0.5, 1.6) * rng.uniform(0.8, 1.12)
    for _ in range(rng.integers(0, 3)):
        at = rng.uniform(-0.4, 0.4, 2)
        depth -= 0.25 * np.exp(-((nucleus_x - at[0]) ** 2 + (nucleus_y - at[1]) ** 2) / 0.02)
    own = optical(look.cytoplasm, look.light) * (1 - nucleus[..., None])
    own = own + optical(look.nucleus, look.light) * (nucleus * depth)[..., None]
    part *= 1 - 0.9 * cell
    part += cell * own


def _add_smudge(density: Floats, rng: Generator, spot: Spot, look: Look) -> None:
    part, x, y = window(density, spot, 1.9)
    ragged = distance(rng, x, y, 0.15, 0.35) + 0.12 * grain(rng, part.shape[:2], spot.radius / 4)
    texture = 0.9 + 0.15 * grain(rng, part.shape[:2], spot.radius / 10)
    part += (inside(ragged, 0.35) * texture)[..., None] * optical(look.smudge, look.light)


def _add_platelet(density: Floats, rng: Generator, spot: Spot, look: Look) -> None:
    part, x, y = window(density, spot, 2)
    thickness = inside(distance(rng, x, y, 0.2, 0.2), 0.6) * rng.uniform(0.3, 0.8)
    part += thickness[..., None] * optical(look.nucleus, look.light)


def _glazed(density: Floats) -> Floats:
    """Densities as seen: where cells lie on each other, the lower ones add less and less."""
    return np.asarray(0.75 * np.tanh(density / 0.75), np.float32)


def write_samples(folder: Path) -> list[Sample]:
    """Write the sample files into an existing folder: two that a model reads, three that it must refuse."""
    pictures = {
        "secondread-drawn-smear-1.png": (draw_smear(7, "blasts"), "a drawn blood smear with many blasts"),
        "secondread-drawn-smear-2.png": (draw_smear(3, "sparse"), "a drawn blood smear with fewer blasts"),
        "secondread-drawn-blurred-smear.png": (
            _blurred(draw_smear(3, "blasts")), "a drawn smear out of focus: refused"
        ),
        "secondread-drawn-tissue-he.png": (draw_tissue(4), "drawn H&E tissue, which is no blood smear: refused"),
    }
    samples = [_write(folder / name, *drawn) for name, drawn in pictures.items()]
    path = folder / "secondread-drawn-not-an-image.jpg"
    path.write_text("This is text with the name of a picture. It was made up; no patient is behind it.\n")
    return [*samples, Sample(path=path, what="text that is named like a picture: unreadable")]


def _blurred(pixels: Pixels) -> Pixels:
    blurred = Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(pixels.shape[1] / 60))
    return signed(blurred)


def _write(path: Path, pixels: Pixels, what: str) -> Sample:
    says = PngImagePlugin.PngInfo()
    says.add_text("Description", "Drawn by SecondRead. Not a photograph; no patient is behind it.")
    Image.fromarray(pixels).save(path, pnginfo=says)
    return Sample(path=path, what=what)
