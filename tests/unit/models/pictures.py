"""Pictures for tests, made by code."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from models.spec import Pixels


def noise(seed: int = 0, shape: tuple[int, int] = (300, 400)) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


def flat(colour: tuple[int, int, int]) -> Pixels:
    return np.full((300, 400, 3), colour, dtype=np.uint8)


def screenshot() -> Pixels:
    image = Image.new("RGB", (640, 480), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 640, 40), fill="navy")
    for line in range(20):
        draw.text((20, 60 + 20 * line), "a page of text that is no microscope field", fill="black")
    return np.asarray(image)


def blurred(pixels: Pixels, sigma: float) -> Pixels:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(sigma)))
