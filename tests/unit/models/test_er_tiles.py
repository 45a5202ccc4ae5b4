"""Tiling: every pixel once, no seams, and a part reads as it does in the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.zoo._er.tiles import BATCH, SIDE, STRIDE, as_input, segment

Floats = NDArray[np.float32]


def by_brightness(images: Floats) -> Floats:
    """A network without context: the class by the red level of each pixel alone."""
    levels = np.clip((images[:, 0] + 1) * 2.5, 0, 4.99).astype(int)
    return np.eye(5, dtype=np.float32)[levels].transpose(0, 3, 1, 2)


def by_surroundings(images: Floats) -> Floats:
    """A network that looks up to 12 pixels around, and sees nothing beyond its tile."""
    padded = np.pad(images[:, 0], ((0, 0), (12, 12), (12, 12)))
    summed = sum(np.roll(padded, (a, b), (1, 2)) for a in (-12, -5, 0, 5, 12) for b in (-12, 0, 12))
    mean = np.asarray(summed)[:, 12:-12, 12:-12] / 15
    centres = np.linspace(-0.6, 0.6, 5, dtype=np.float32)[None, :, None, None]
    return np.exp(-20 * (mean[:, None] - centres) ** 2).astype(np.float32)


def field(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    rough = rng.integers(0, 256, (height // 16 + 1, width // 16 + 1, 3), dtype=np.uint8)
    return np.repeat(np.repeat(rough, 16, axis=0), 16, axis=1)[:height, :width]


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 700), st.integers(1, 500))
def test_every_pixel_is_read_at_its_own_place(height: int, width: int) -> None:
    pixels = field(height, height, width)
    expected = by_brightness(as_input(pixels[None]))[0].argmax(axis=0)
    assert np.array_equal(segment(pixels, by_brightness), expected)


def test_no_seam_where_the_network_looks_less_far_than_the_tiles_edge() -> None:
    pixels = field(3, 640, 700)
    padded = np.pad(pixels, ((12, 12), (12, 12), (0, 0)), mode="symmetric")
    whole = by_surroundings(as_input(padded[None]))[0].argmax(axis=0)[12:-12, 12:-12]
    assert np.array_equal(segment(pixels, by_surroundings), whole)


@pytest.mark.parametrize("steps", [(1, 1), (2, 1)])
def test_a_part_reads_as_it_does_in_the_whole_away_from_its_border(steps: tuple[int, int]) -> None:
    pixels = field(5, 1000, 900)
    whole = segment(pixels, by_surroundings)
    top, left = (step * STRIDE for step in steps)
    part = segment(np.ascontiguousarray(pixels[top : top + 600, left : left + 500]), by_surroundings)
    away = slice(20, -20)
    assert np.array_equal(part[away, away], whole[top : top + 600, left : left + 500][away, away])


def test_few_tiles_at_a_time_however_large_the_image() -> None:
    seen: list[int] = []

    def counting(images: Floats) -> Floats:
        seen.append(len(images))
        return np.zeros((len(images), 5, SIDE, SIDE), np.float32)

    segment(np.zeros((900, 1400, 3), np.uint8), counting)
    assert max(seen) <= BATCH
    assert sum(seen) == 5 * 8
