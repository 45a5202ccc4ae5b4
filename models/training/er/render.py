"""One training image from a scene: nuclei restained to known classes, another laboratory's stain, light and camera."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from models.imaging.stains import DAB, HAEMATOXYLIN, Floats, compose, stain_matrix
from models.spec import Pixels
from models.training.er.data import THRESHOLDS, VOID, Scene
from models.training.er.drawn import noise

SIDE = 256
DENSITY = ((-0.02, 0.1), (THRESHOLDS[0], THRESHOLDS[1]), (THRESHOLDS[1], THRESHOLDS[2]), (THRESHOLDS[2], 1.5))
"""Mean DAB density that a nucleus of each class is given."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """An image (h, w, 3) and the class of every pixel (h, w)."""

    pixels: Pixels
    labels: NDArray[np.uint8]


def shrunk(scene: Scene, factor: float) -> Scene:
    """The scene at another magnification: stains averaged, outlines to the nearest pixel."""
    size = tuple(round(side * factor) for side in scene.nuclei.shape[::-1])
    planes = [
        np.asarray(Image.fromarray(scene.stains[..., i]).resize(size, Image.Resampling.BOX)) for i in range(3)
    ]

    def nearest(plane: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.NEAREST))

    void = nearest(scene.void.astype(np.uint8)) > 0
    return replace(scene, stains=np.stack(planes, axis=2), nuclei=nearest(scene.nuclei), void=void)


def cut(scene: Scene, rng: Generator, side: int) -> Scene:
    """A window of side × side pixels at a random place, turned and mirrored at random; the edge is mirrored."""
    height, width = scene.nuclei.shape
    top, left = (int(rng.integers(0, max(1, length - side + 1))) for length in (height, width))
    turns, mirror = int(rng.integers(4)), bool(rng.integers(2))

    def window(plane: NDArray[Any]) -> NDArray[Any]:
        part = plane[top : top + side, left : left + side]
        short = [(0, side - part.shape[axis]) for axis in (0, 1)]
        part = np.pad(part, [*short, *[(0, 0)] * (part.ndim - 2)], mode="symmetric")
        part = np.rot90(part, turns)
        return np.ascontiguousarray(part[:, ::-1] if mirror else part)

    return replace(scene, stains=window(scene.stains), nuclei=window(scene.nuclei), void=window(scene.void))


def restained(scene: Scene, rng: Generator) -> Scene:
    """The scene with every nucleus stained to a class drawn anew; what lies between them gets its own haze."""
    count = int(scene.nuclei.max()) + 1
    shares = rng.dirichlet((0.6, 0.6, 0.6, 0.6))
    classes = (1 + rng.choice(4, count, p=shares)).astype(np.uint8)
    classes[0] = 0
    bounds = np.array(((0.0, 0.0), *DENSITY))[classes]
    dab = rng.uniform(bounds[:, 0], bounds[:, 1])
    strength = rng.uniform(0.04, 0.15) if rng.random() < 0.35 else rng.uniform(0.12, 0.5)
    blue = strength * rng.lognormal(0, 0.25, count)
    # Less haematoxylin shows where DAB is dense.
    blue *= np.where(classes > 1, rng.uniform(0.3, 1.0), 1.0)
    texture = _texture(scene, count, rng.uniform(0.3, 1.0))
    if rng.random() < 0.35:
        texture *= _clear_middles(scene.nuclei, rng.uniform(0.3, 0.8))
    inside = ndimage.gaussian_filter((scene.nuclei > 0).astype(np.float32), rng.uniform(0.5, 1.8))
    blurred = np.stack(
        [ndimage.gaussian_filter(part[scene.nuclei] * texture, 0.6) for part in (blue, dab)], axis=2
    )
    between = scene.stains[..., :2] * rng.uniform(0.5, 1.5, 2)
    between = between + _haze(rng, scene.nuclei.shape[0])[..., None] * np.array([0.2, 1.0])
    stains = scene.stains.copy()
    # Beyond an outline the old stain of a dark nucleus would shine through: its ring takes the field's median.
    ring = ndimage.maximum_filter(scene.nuclei, 5) > 0
    calm = np.minimum(between, np.median(between, axis=(0, 1)) + 0.05)
    between = np.where(ring[..., None], calm, between)
    stains[..., :2] = between * (1 - inside[..., None]) + blurred
    # The residual of a nucleus that let no light through is an artefact, and would be coloured light here.
    stains[..., 2] = np.clip(stains[..., 2], -0.03, 0.03) * (1 - inside)
    return replace(scene, stains=stains.astype(np.float32), classes=classes)


def _texture(scene: Scene, count: int, contrast: float) -> Floats:
    """Chromatin: the stains' sum over its mean in each nucleus, (h, w), 0 outside."""
    total = np.clip(scene.stains[..., 0] + scene.stains[..., 1], 0.02, None)
    mean = np.maximum(_means(total, scene.nuclei, count), 0.02)
    relative = np.clip(total / mean[scene.nuclei], 0.3, 2.2) ** contrast
    evened = _means(relative, scene.nuclei, count)
    return np.asarray(np.where(scene.nuclei > 0, relative / evened[scene.nuclei], 0), np.float32)


def _clear_middles(nuclei: NDArray[np.int32], clearing: float) -> Floats:
    """Vesicular nuclei, (h, w): by up to `clearing` paler in the middle than at the rim."""
    edge = parted(np.asarray(nuclei > 0, np.uint8), nuclei) > 0
    depth = ndimage.distance_transform_edt(edge)
    return np.asarray(1 - clearing * np.clip(depth / 5, 0, 1), np.float32)


def _means(values: NDArray[Any], nuclei: NDArray[np.int32], count: int) -> NDArray[np.float64]:
    """Mean of values (h, w) in each nucleus (count,); 1 where the window shows none of it."""
    which = nuclei.reshape(-1)
    pixels = np.bincount(which, minlength=count)
    sums = np.bincount(which, weights=values.reshape(-1), minlength=count)
    return np.where(pixels > 0, sums / np.maximum(pixels, 1), 1.0)


def _haze(rng: Generator, side: int) -> Floats:
    """DAB that stuck where it does not belong: cytoplasm and slime, (side, side)."""
    if rng.random() < 0.5:
        return np.zeros((side, side), np.float32)
    strongest = 0.13 if rng.random() < 0.7 else 0.35
    return np.asarray(np.clip(0.6 + 0.5 * noise(rng, side, rng.uniform(8, 40)), 0, None) * rng.uniform(0, strongest))


def photographed(scene: Scene, rng: Generator, *, moved: bool = True) -> Piece:
    """The scene through a microscope: another stain lot, lamp, focus, sensor and file; `moved` off: as it is."""
    if not moved:
        return Piece(pixels=compose(scene.stains, scene.light), labels=scene.labels)
    lot = [np.asarray(one) + rng.normal(0, 0.035, 3) for one in (HAEMATOXYLIN, DAB)]
    matrix = stain_matrix(*(tuple(np.clip(one, 0.05, None)) for one in lot))
    strength = rng.uniform(0.88, 1.14, 3) * np.array([rng.uniform(0.5, 1.35), 1, 1])
    light = np.clip(rng.uniform(205, 255) + rng.normal(0, 7, 3), 180, 255)
    pixels = compose(scene.stains * strength, light, matrix).astype(np.float32)
    if rng.random() < 0.5:
        sigma = rng.uniform(0.3, 1.3)
        pixels = ndimage.gaussian_filter(pixels, (sigma, sigma, 0))
    if rng.random() < 0.2:
        pixels += 0.7 * (pixels - ndimage.gaussian_filter(pixels, (1.2, 1.2, 0)))
    if rng.random() < 0.4:
        pixels = 255 * (np.clip(pixels, 0, 255) / 255) ** rng.uniform(0.85, 1.2)
    if rng.random() < 0.5:
        pixels += rng.normal(0, rng.uniform(1, 7), pixels.shape)
    held = pixels.clip(0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        held = through_jpeg(held, int(rng.integers(45, 95)))
    return Piece(pixels=held, labels=scene.labels)


def through_jpeg(pixels: Pixels, quality: int) -> Pixels:
    """The image written as JPEG of that quality and read again."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def resized(piece: Piece, side: int) -> Piece:
    """The piece at side × side pixels."""
    if piece.labels.shape == (side, side):
        return piece
    pixels = Image.fromarray(piece.pixels).resize((side, side), Image.Resampling.BICUBIC)
    labels = Image.fromarray(piece.labels).resize((side, side), Image.Resampling.NEAREST)
    return Piece(pixels=np.asarray(pixels), labels=np.asarray(labels))


def draw_piece(levels: list[Scene], rng: Generator) -> Piece:
    """One training image from a scene at several magnifications: a window, mostly restained, photographed."""
    window = cut(levels[int(rng.integers(len(levels)))], rng, int(rng.integers(210, 310)))
    if window.whole and (window.name.startswith("drawn") or rng.random() < 0.75):
        window = restained(window, rng)
    piece = photographed(window, rng)
    if window.whole:
        piece = replace(piece, labels=parted(piece.labels, window.nuclei))
    return resized(piece, SIDE)


def parted(labels: NDArray[np.uint8], nuclei: NDArray[np.int32]) -> NDArray[np.uint8]:
    """The labels with a line of background, two pixels wide, where one nucleus touches another.

    A network that learns these lines leaves gaps by which serving can tell the nuclei apart.
    """
    high, low = ndimage.maximum_filter(nuclei, 3), np.where(nuclei > 0, nuclei, nuclei.max() + 1)
    touching = (nuclei > 0) & (high != ndimage.minimum_filter(low, 3))
    return np.where(touching & (labels != VOID), 0, labels).astype(np.uint8)
