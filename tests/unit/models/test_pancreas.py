"""The served pancreas scores: rules on made-up answers, the whole way on drawn images, refusals on real ones."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from models.engine import Engine
from models.imaging.decode import decode
from models.imaging.limits import OUR_OWN
from models.scoring.pancreas import KEYS, MAXIMA, checked
from models.spec import Finding, Micrograph, Pixels, Reading
from models.training.pancreas.drawn import Drawing, draw_pancreas
from models.zoo import pancreas
from models.zoo.pancreas import CROP, as_input, prepared, whole
from tests.unit.models.pictures import noise

PASSED = (Finding(code="in-domain", message="."),)
SCORES = (2.0, 1.5, 0.75, 3.0)


@pytest.fixture(scope="module")
def section() -> Pixels:
    return draw_pancreas(Drawing(scores=SCORES, seed=70_000_001, size=(640, 480)))


def answered(shares: tuple[float, ...]) -> Reading:
    """What is read of a network's answer, the gate aside."""

    def run(graph: str, _inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        assert graph == "predict"
        return {"shares": np.array([shares], np.float32), "heatmaps": np.zeros((1, 5, 7, 7), np.float32)}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pancreas._eye, "check", lambda *_: PASSED)
        return pancreas.read(Micrograph(pixels=noise(1, (300, 400))), run)


@settings(deadline=None, max_examples=50)
@given(st.tuples(*[st.floats(0, 1, width=32)] * 4))
def test_any_answer_becomes_scores_that_can_stand_and_their_sum(shares: tuple[float, ...]) -> None:
    reading = answered(shares)
    assert list(reading.scores) == [*KEYS, "total"]
    four = [checked(key, reading.scores[key]) for key in KEYS]
    assert reading.scores["total"] == sum(four)
    for score, share, most in zip(four, shares, MAXIMA.values(), strict=True):
        assert abs(score - share * most) <= 0.126
    assert (reading.outcome, reading.label) == ("scored", None)


def test_the_extremes_are_0_and_14() -> None:
    assert answered((0, 0, 0, 0)).scores["total"] == 0
    assert answered((1, 1, 1, 1)).scores["total"] == 14


def test_there_is_a_heat_map_of_the_total_first_and_one_of_each_score() -> None:
    names = [layer.name for layer in answered((0.5,) * 4).layers]
    assert names == ["heatmap", "heat-architecture", "heat-atrophy", "heat-complexes", "heat-fibrosis"]


def test_heat_lies_where_the_network_looked_and_nowhere_else() -> None:
    heat = np.arange(1, 50, dtype=np.float32).reshape(7, 7)
    full = whole(heat)
    assert full.shape == (16, 16)
    assert not full[[0, -1]].any()
    assert not full[:, [0, -1]].any()
    assert np.array_equal(full[1:15:2, 1:15:2], heat)


def test_a_mark_in_the_image_is_at_the_same_place_in_the_prepared_field() -> None:
    """The margin that is left out, and the cells of the heat map, in numbers of the whole image."""
    pixels = np.zeros((1024, 2048, 3), np.uint8)
    pixels[448:512, 128 + 256 : 256 + 256] = 255  # a 16th of each side, from 7/16 down and 3/16 across
    seen = prepared(pixels)
    assert seen.shape == (CROP, CROP, 3)
    rows, columns = np.nonzero(seen[..., 0] > 127)
    assert (rows.min(), rows.max() + 1) == (7 * 16 - 16, 8 * 16 - 16)
    assert (columns.min(), columns.max() + 1) == (3 * 16 - 16, 4 * 16 - 16)


def test_the_input_is_normalised_as_imagenet() -> None:
    image = as_input(np.full((CROP, CROP, 3), 255, np.uint8))
    assert (image.shape, image.dtype) == ((1, 3, CROP, CROP), np.float32)
    assert image[0, :, 0, 0].tolist() == pytest.approx([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225])


def test_a_drawn_section_is_scored_near_what_it_was_drawn_with(engine: Engine, section: Pixels) -> None:
    reading = engine.read("pancreas", Micrograph(pixels=section))
    assert reading.outcome == "scored"
    for key, score in zip(KEYS, SCORES, strict=True):
        assert reading.scores[key] == pytest.approx(score, abs=0.75)
    for layer in reading.layers:
        assert 0 <= layer.values.min() <= layer.values.max() <= 1


def test_sixteen_bits_and_eight_read_the_same(engine: Engine, section: Pixels) -> None:
    tifffile = pytest.importorskip("tifffile", reason="tifffile is not installed: it comes with requirements.txt")
    buffer = BytesIO()
    tifffile.imwrite(buffer, section.astype(np.uint16) * 257, photometric="rgb", metadata=None)
    deep = decode(buffer.getvalue(), OUR_OWN).pixels
    readings = [engine.read("pancreas", Micrograph(pixels=pixels)) for pixels in (section, deep)]
    assert readings[0].scores == readings[1].scores


def test_every_score_is_marked_a_demonstration() -> None:
    assert "no image with expert scores was available" in pancreas.SPEC.demonstration
    assert [measure.key for measure in pancreas.SPEC.measures] == [*KEYS, "total"]


@pytest.mark.datasets
def test_the_real_pancreas_section_is_scored(engine: Engine, datasets: Path) -> None:
    (path,) = (datasets / "he" / "pancreas").glob("*.png")
    reading = engine.read("pancreas", Micrograph(pixels=np.asarray(Image.open(path).convert("RGB"))))
    assert reading.outcome == "scored"


@pytest.mark.datasets
@pytest.mark.parametrize(
    "pattern",
    ["leukemia/*/*1.jpg", "out_of_domain/healthy_lymphocytes/*.jpg", "ihc/*/*_[0-9].png", "hpa/hpa_core_*.png",
     "pcam/images/00*.webp"],
)
def test_nearly_all_images_of_other_kinds_are_refused(engine: Engine, datasets: Path, pattern: str) -> None:
    paths = sorted(datasets.glob(pattern))[:20]
    assert paths
    readings = [engine.read("pancreas", Micrograph(pixels=np.asarray(Image.open(p).convert("RGB")))) for p in paths]
    assert [reading.outcome for reading in readings].count("scored") <= 0.05 * len(paths)
