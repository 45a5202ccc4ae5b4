"""The copies that robustness is measured on: by Pillow and scikit-image, not by the augmentation."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter
from skimage.color import hed2rgb, rgb2hed

from models.spec import Pixels

Shift = Callable[[Pixels], Pixels]


def _by_pillow(change: Callable[[Image.Image], Image.Image]) -> Shift:
    return lambda pixels: np.asarray(change(Image.fromarray(pixels)).convert("RGB"))


def _hue(turn: float) -> Shift:
    """Hue turned by that share of the circle."""

    def change(image: Image.Image) -> Image.Image:
        hue, saturation, value = image.convert("HSV").split()
        hue = hue.point([(level + round(turn * 256)) % 256 for level in range(256)])
        return Image.merge("HSV", (hue, saturation, value))

    return _by_pillow(change)


def _stain(haematoxylin: float, eosin: float) -> Shift:
    """Both stains made stronger or weaker, in optical density."""

    def change(pixels: Pixels) -> Pixels:
        stains: NDArray[np.float64] = rgb2hed(pixels)
        turned = hed2rgb(stains * np.array([haematoxylin, eosin, 1.0]))
        return np.asarray((turned.clip(0, 1) * 255).round().astype(np.uint8))

    return change


def _channels(red: float, green: float, blue: float) -> Shift:
    """Another white balance."""
    return lambda pixels: (pixels * np.array([red, green, blue])).clip(0, 255).astype(np.uint8)


def _jpeg(image: Image.Image, quality: int) -> Image.Image:
    held = io.BytesIO()
    image.save(held, "JPEG", quality=quality)
    return Image.open(held)


SHIFTS: dict[str, Shift] = {
    "grey": _by_pillow(lambda image: image.convert("L")),
    "hue +18°": _hue(0.05),
    "hue −18°": _hue(-0.05),
    "stain H ×1.25, E ×0.8": _stain(1.25, 0.8),
    "stain H ×0.8, E ×1.25": _stain(0.8, 1.25),
    "white balance warm": _channels(1.0, 0.96, 0.88),
    "white balance cold": _channels(0.88, 0.96, 1.0),
    "saturation ×0.5": _by_pillow(lambda image: ImageEnhance.Color(image).enhance(0.5)),
    "saturation ×1.5": _by_pillow(lambda image: ImageEnhance.Color(image).enhance(1.5)),
    "brightness ×0.8": _by_pillow(lambda image: ImageEnhance.Brightness(image).enhance(0.8)),
    "brightness ×1.15": _by_pillow(lambda image: ImageEnhance.Brightness(image).enhance(1.15)),
    "contrast ×0.75": _by_pillow(lambda image: ImageEnhance.Contrast(image).enhance(0.75)),
    "blur 1 px": _by_pillow(lambda image: image.filter(ImageFilter.GaussianBlur(1))),
    "JPEG quality 50": _by_pillow(lambda image: _jpeg(image, 50)),
    "resized to 800×600": _by_pillow(lambda image: image.resize((800, 600), Image.Resampling.BICUBIC)),
    "resized to 1600×1200": _by_pillow(lambda image: image.resize((1600, 1200), Image.Resampling.BICUBIC)),
}
