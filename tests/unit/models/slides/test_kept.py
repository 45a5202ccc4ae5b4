"""Regions of a kept slide, at its own scales and between them; damage is told, never painted over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from models.imaging.errors import Unreadable
from models.slides.keep import keep
from models.slides.kept import KeptSlide, scaled_region
from models.spec import Pixels
from tests.unit.models.slides.made import InMemory, painted

WIDTH, HEIGHT = 1300, 900
PLACES = st.integers(-700, 1500)
LENGTHS = st.integers(1, 700)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("kept") / "kept.tiff"
    keep(InMemory(painted(WIDTH, HEIGHT)), where, lambda done, total: None)
    return where


@pytest.fixture(scope="module")
def whole(path: Path) -> list[Pixels]:
    with KeptSlide(path) as slide:
        return [slide.region(n, 0, 0, level.width, level.height) for n, level in enumerate(slide.levels())]


@given(level=st.integers(0, 2), x=PLACES, y=PLACES, width=LENGTHS, height=LENGTHS)
def test_a_region_is_a_part_of_the_whole_with_white_around(
    path: Path, whole: list[Pixels], level: int, x: int, y: int, width: int, height: int
) -> None:
    expected = InMemory(whole[level]).region(0, x, y, width, height)
    with KeptSlide(path) as slide:
        assert np.array_equal(slide.region(level, x, y, width, height), expected)


def test_many_threads_read_one_slide(path: Path, whole: list[Pixels]) -> None:
    with KeptSlide(path) as slide, ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: slide.region(0, 0, 0, WIDTH, HEIGHT), range(16)):
            assert np.array_equal(found, whole[0])


def test_a_slide_that_nobody_holds_is_closed(path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    slide = KeptSlide(path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before + 1
    del slide
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_closed_slide_reads_nothing_of_another_file(path: Path) -> None:
    slide = KeptSlide(path)
    slide.close()
    slide.close()
    with KeptSlide(path), pytest.raises(OSError, match="Bad file descriptor"):
        slide.tile(0, 0, 0)


@pytest.mark.parametrize(("side", "size"), [(100, (69, 100)), (650, (450, 650)), (5000, (900, 1300))])
def test_a_thumbnail_shows_the_whole_slide(path: Path, whole: list[Pixels], side: int, size: tuple[int, int]) -> None:
    with KeptSlide(path) as slide:
        found = slide.thumbnail(side)
    assert found.shape[:2] == size
    small = np.asarray(Image.fromarray(whole[0]).resize(size[::-1], Image.Resampling.BOX)).astype(int)
    assert np.abs(found - small).mean() < 2


@pytest.mark.parametrize("wanted", [0.25, 0.5, 0.7, 0.97, 1.0, 1.06, 2.0, 3.7, 30.0])
def test_a_scaled_region_is_what_resizing_the_whole_would_give(path: Path, whole: list[Pixels], wanted: float) -> None:
    factor = wanted / 0.5
    x, y, width, height = 101.0, 53.0, 800.0, 640.0
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    method = Image.Resampling.BOX if factor >= 1 else Image.Resampling.BICUBIC
    expected = np.asarray(Image.fromarray(whole[0]).resize(size, method, box=(x, y, x + width, y + height)))
    with KeptSlide(path) as slide:
        found = scaled_region(slide, wanted, 0.5, x, y, width, height)
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 2.5


def test_a_scaled_region_is_white_outside_the_slide(path: Path) -> None:
    with KeptSlide(path) as slide:
        found = scaled_region(slide, 1.0, 0.5, WIDTH + 10, 0, 200, 200)
    assert found.shape == (100, 100, 3)
    assert (found == 255).all()


def test_scaling_reads_a_coarse_level_and_not_the_whole_slide(path: Path) -> None:
    class Watched(KeptSlide):
        asked: list[int]

        def region(self, level: int, x: int, y: int, width: int, height: int) -> Pixels:
            self.asked.append(level)
            return super().region(level, x, y, width, height)

    with Watched(path) as slide:
        slide.asked = []
        for wanted in (0.4, 0.9, 0.95, 1.9, 100):
            scaled_region(slide, wanted, 0.5, 0, 0, 500, 500)
        assert slide.asked == [0, 0, 1, 2, 2]


@pytest.mark.parametrize("kept", [0, 1, 16, 100, 0.5, 0.99, -1])
def test_a_file_that_is_cut_off_is_no_kept_slide(path: Path, tmp_path: Path, kept: float) -> None:
    data = path.read_bytes()
    short = tmp_path / "short.tiff"
    short.write_bytes(data[: int(len(data) * kept) if 0 < kept < 1 else int(kept)])
    with pytest.raises(Unreadable):
        KeptSlide(short)


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_or_read(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.tiff"
    path.write_bytes(b"II\x2b\0\x08\0\0\0\x10\0\0\0\0\0\0\0" + data)
    with pytest.raises(Unreadable):
        KeptSlide(path)


def test_a_damaged_tile_is_refused_in_words(path: Path, tmp_path: Path) -> None:
    data = bytearray(path.read_bytes())
    with KeptSlide(path) as slide:
        start = data.index(slide.tile(0, 1, 0))
    data[start : start + 2000] = bytes(2000)
    (tmp_path / "damaged.tiff").write_bytes(data)
    with KeptSlide(tmp_path / "damaged.tiff") as slide, pytest.raises(Unreadable, match="damaged"):
        slide.region(0, 0, 0, 1000, 100)
