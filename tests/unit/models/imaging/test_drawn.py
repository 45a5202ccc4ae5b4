"""Drawn samples: the same for the same seed, signed, and decodable like any upload."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from models.imaging.brush import CORNER
from models.imaging.decode import decode
from models.imaging.drawn import LOOKS, Kind, Sample, draw_smear, write_samples
from models.imaging.errors import Unreadable
from models.imaging.scrub import scrub
from models.imaging.tissue import draw_tissue
from tests.unit.models.imaging.makers import LIMITS


@pytest.mark.parametrize("kind", LOOKS)
def test_a_drawing_is_the_same_for_the_same_seed_and_another_for_another(kind: Kind) -> None:
    first, again, other = (draw_smear(seed, kind, (400, 300)) for seed in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("size", [(320, 240), (300, 300), (500, 200)])
def test_a_drawing_has_the_size_asked_for(size: tuple[int, int]) -> None:
    for pixels in (draw_smear(1, size=size), draw_tissue(1, size)):
        assert pixels.shape == (size[1], size[0], 3)
        assert pixels.dtype == np.uint8


def test_the_word_stands_in_the_corner_and_nowhere_else() -> None:
    red = (np.abs(draw_smear(1).astype(int) - (170, 20, 20)) < 6).all(axis=2)
    rows, columns = np.nonzero(red)
    assert red.sum() > 100
    assert rows.min() > 600 * (1 - CORNER)
    assert columns.min() > 800 * (1 - CORNER)


def test_a_smear_is_pale_with_some_purple_cells() -> None:
    for seed in range(5):
        red, green, blue = np.moveaxis(draw_smear(seed, size=(400, 300)).astype(int), 2, 0)
        purple = (red - green > 20) & (blue > 200) & (green < 150)
        assert 0.01 < purple.mean() < 0.2
        assert np.median(green) > 190


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    return write_samples(tmp_path_factory.mktemp("samples"))


def test_samples_are_named_and_marked_as_drawn(samples: list[Sample]) -> None:
    assert {sample.path for sample in samples} == set(samples[0].path.parent.iterdir())
    for sample in samples:
        assert sample.path.name.startswith("secondread-drawn-")
        assert sample.what
        if sample.path.suffix == ".png":
            with Image.open(sample.path) as image:
                assert "Drawn" in image.info["Description"]
                assert image.size == (800, 600)


def test_samples_are_read_like_uploads_and_the_text_is_refused(samples: list[Sample]) -> None:
    for sample in samples:
        data = sample.path.read_bytes()
        if sample.path.suffix == ".jpg":
            with pytest.raises(Unreadable, match="not a picture"):
                decode(data, LIMITS)
        else:
            assert b"Drawn" not in scrub(data, decode(data, LIMITS)).data
