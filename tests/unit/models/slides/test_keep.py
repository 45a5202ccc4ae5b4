"""A slide is kept whole or not at all, each level the mean of the one before."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import openslide
import pytest
import tifffile
from PIL import Image

from models.imaging.errors import Unreadable
from models.slides.keep import keep
from models.slides.kept import KeptSlide
from models.spec import Pixels
from tests.unit.models.slides.made import InMemory, painted

SIZES = [(1, 1), (511, 3), (512, 512), (513, 512), (1300, 2100), (2049, 1025)]


def quiet(done: int, total: int) -> None:
    """Nobody is told how far it is."""


def kept(pixels: Pixels, folder: Path, um_per_px: float | None = 0.5, in_strips: bool = False) -> Path:
    keep(InMemory(pixels, um_per_px, in_strips), folder / "kept.tiff", quiet)
    return folder / "kept.tiff"


def halved(pixels: Pixels) -> Pixels:
    """The mean of every 2×2 pixels, an odd last column or row standing twice."""
    height, width = pixels.shape[:2]
    even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge").astype(float)
    return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4


@pytest.mark.parametrize("in_strips", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_every_level_is_the_mean_of_the_one_before(tmp_path: Path, size: tuple[int, int], in_strips: bool) -> None:
    expected = painted(*size).astype(float)
    with KeptSlide(kept(painted(*size), tmp_path, in_strips=in_strips)) as slide:
        for number, level in enumerate(slide.levels()):
            assert (level.height, level.width) == expected.shape[:2]
            assert level.downsample == 2**number
            found = slide.region(number, 0, 0, level.width, level.height)
            assert np.abs(found - expected).max() <= 10
            assert np.abs(found - expected).mean() <= 1.5
            expected = halved(expected)
    assert max(level.width, level.height) <= 512


@pytest.mark.parametrize("size", [(513, 512), (1300, 2100)])
def test_other_programs_read_it(tmp_path: Path, size: tuple[int, int]) -> None:
    path = kept(painted(*size), tmp_path)
    with KeptSlide(path) as ours, openslide.OpenSlide(path) as theirs:
        assert theirs.level_dimensions == tuple((level.width, level.height) for level in ours.levels())
        assert float(theirs.properties["openslide.mpp-x"]) == pytest.approx(0.5, rel=1e-4)
        for number, level in enumerate(ours.levels()):
            seen = theirs.read_region((0, 0), number, (level.width, level.height)).convert("RGB")
            assert np.array_equal(np.asarray(seen), ours.region(number, 0, 0, level.width, level.height))


def test_a_tile_is_a_whole_baseline_jpeg_of_512_pixels(tmp_path: Path) -> None:
    with KeptSlide(kept(painted(1300, 700), tmp_path)) as slide:
        with Image.open(BytesIO(slide.tile(0, 2, 1))) as tile:
            assert (tile.format, tile.size, tile.mode) == ("JPEG", (512, 512), "RGB")
            assert not tile.info.get("progressive")
        for outside in [(0, 3, 0), (0, 0, 2), (0, -1, 0), (9, 0, 0), (-1, 0, 0)]:
            with pytest.raises(KeyError):
                slide.tile(*outside)


def test_a_file_holds_no_tag_but_those_of_pixels_and_their_size(tmp_path: Path) -> None:
    with tifffile.TiffFile(kept(painted(1300, 700), tmp_path)) as tiff:
        pixels = {254, 256, 257, 258, 259, 262, 277, 284, 322, 323, 324, 325, 530}
        assert [set(page.tags.keys()) for page in tiff.pages] == [pixels | {282, 283, 296}, pixels, pixels]


def test_an_unknown_pixel_size_stays_unknown(tmp_path: Path) -> None:
    with KeptSlide(kept(painted(600, 700), tmp_path, um_per_px=None)) as slide:
        assert slide.um_per_px is None


@pytest.mark.parametrize("um_per_px", [0.05, 0.2271, 0.499, 1 / 3, 20.0])
def test_the_pixel_size_is_kept(tmp_path: Path, um_per_px: float) -> None:
    with KeptSlide(kept(painted(30, 20), tmp_path, um_per_px)) as slide:
        assert slide.um_per_px == pytest.approx(um_per_px, abs=3e-6)


def test_empty_glass_takes_hardly_any_room(tmp_path: Path) -> None:
    white = np.full((5000, 5000, 3), 255, np.uint8)
    assert kept(white, tmp_path).stat().st_size < 30_000


def test_pixels_that_hardly_compress_are_kept_too(tmp_path: Path) -> None:
    """With optimised tables Pillow 13 gives up on a tile that takes more than a byte per pixel."""
    noise = np.random.default_rng(1).integers(0, 255, (600, 700, 3), np.uint8)
    assert kept(noise, tmp_path).stat().st_size > noise.size / 3


def test_progress_ends_with_all_tiles_done(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    keep(InMemory(painted(1300, 700)), tmp_path / "kept.tiff", lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (6, 6)


class Stopped(Exception):
    """Somebody cancelled."""


def test_what_progress_raises_stops_the_work_and_leaves_nothing(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        keep(InMemory(painted(3000, 3000)), tmp_path / "kept.tiff", stop)
    assert not list(tmp_path.iterdir())


class BrokenInTheMiddle(InMemory):
    """Damaged near one place."""

    def region(self, level: int, x: int, y: int, width: int, height: int) -> Pixels:
        if x <= 1200 < x + width and y <= 1200 < y + height:
            raise Unreadable("broken", "damaged at 1200, 1200")
        return super().region(level, x, y, width, height)


def test_a_slide_that_breaks_in_the_middle_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="1200"):
        keep(BrokenInTheMiddle(painted(2000, 2000)), tmp_path / "kept.tiff", quiet)
    assert not list(tmp_path.iterdir())


def test_a_slide_is_kept_the_same_way_twice(tmp_path: Path) -> None:
    first = kept(painted(1300, 2100), tmp_path).read_bytes()
    assert kept(painted(1300, 2100), tmp_path).read_bytes() == first
