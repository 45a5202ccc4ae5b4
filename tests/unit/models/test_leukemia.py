"""The served leukemia system, on drawn smears and, where they are, on real images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.engine import Engine
from models.imaging.resize import squash
from models.spec import Micrograph, Pixels
from models.zoo import leukemia
from models.zoo._smear import CORNER, SIDE, as_input
from tests.unit.models.pictures import noise


def test_a_smear_is_scored_with_probabilities_of_every_class(engine: Engine, smear: Pixels) -> None:
    reading = engine.read("leukemia", Micrograph(pixels=smear))
    assert reading.outcome == "scored"
    assert list(reading.scores) == ["Benign", "Early", "Pre", "Pro"]
    assert sum(reading.scores.values()) == pytest.approx(1, abs=1e-5)
    assert reading.label == max(reading.scores, key=lambda name: reading.scores[name])


def test_the_heat_map_lies_between_0_and_1(engine: Engine, smear: Pixels) -> None:
    (layer,) = engine.read("leukemia", Micrograph(pixels=smear)).layers
    assert (layer.name, layer.kind, layer.values.shape) == ("heatmap", "heat", (7, 7))
    assert float(layer.values.min()) >= 0
    assert float(layer.values.max()) == pytest.approx(1)


def test_the_scale_bar_corner_cannot_change_the_answer(engine: Engine, smear: Pixels) -> None:
    field = squash(smear, SIDE)
    marked = field.copy()
    marked[-CORNER:, -CORNER:] = 255
    marked[-12:-8, -30:] = 0
    one, other = (engine.read("leukemia", Micrograph(pixels=pixels)) for pixels in (field, marked))
    assert one.outcome == "scored"
    assert one.scores == other.scores


def test_a_size_doubled_by_copying_pixels_reads_the_same() -> None:
    field = noise(shape=(SIDE, SIDE))
    assert np.array_equal(squash(field.repeat(2, axis=0).repeat(2, axis=1), SIDE), field)


def test_the_input_is_in_range_with_a_neutral_corner() -> None:
    image = as_input(noise(shape=(SIDE, SIDE)))
    assert (image.shape, image.dtype) == ((1, 3, SIDE, SIDE), np.float32)
    assert (float(image.min()), float(image.max())) == (-1.0, 1.0)
    assert not image[:, :, -CORNER:, -CORNER:].any()


def test_the_answer_is_worded_as_a_pattern_and_not_as_a_diagnosis() -> None:
    said = leukemia.SPEC.answer.format(label="Pre")
    assert "most similar to class Pre" in said
    assert "not a diagnosis" in said
    assert leukemia.SPEC.meaning("Benign").startswith("Hematogones")


def opened(path: Path) -> Micrograph:
    return Micrograph(pixels=np.asarray(Image.open(path).convert("RGB")))


@pytest.mark.datasets
@pytest.mark.parametrize("label", ["Benign", "Early", "Pre", "Pro"])
def test_most_real_images_are_scored_as_their_label(engine: Engine, datasets: Path, label: str) -> None:
    paths = sorted((datasets / "leukemia" / label).glob("*.jpg"))[::40]
    readings = [engine.read("leukemia", opened(path)) for path in paths]
    right = [reading.outcome == "scored" and reading.label == label for reading in readings]
    assert np.mean(right) >= 0.8


@pytest.mark.datasets
@pytest.mark.parametrize(
    "pattern",
    [
        "out_of_domain/healthy_lymphocytes/*.jpg",
        "he/*/*.[tj]*",
        "ihc/*/*_[0-9].png",
        "hpa/hpa_core_*.png",
        "pcam/images/00*.webp",
    ],
)
def test_real_images_of_other_kinds_are_refused(engine: Engine, datasets: Path, pattern: str) -> None:
    paths = sorted(datasets.glob(pattern))[:12]
    readings = [engine.read("leukemia", opened(path)) for path in paths]
    assert paths
    assert [reading.outcome for reading in readings].count("scored") == 0
