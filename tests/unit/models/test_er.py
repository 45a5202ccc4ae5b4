"""The ER reading: from a class map to counts, scores, layers and what has to be said beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from models.engine import Engine
from models.imaging.layers import classes_png
from models.scoring.ihc import CONTROL_QUESTION, LOW_POSITIVE_COMMENT
from models.spec import Finding, Micrograph, Pixels, Reading
from models.zoo import er

COLOURS = np.array([(245, 245, 245), (90, 110, 190), (200, 170, 130), (160, 110, 60), (90, 50, 20)], np.uint8)
"""What the stand-in network below takes for each class."""
PALETTE = {0: (0, 0, 0), 1: (0, 159, 255), 2: (0, 255, 0), 3: (255, 216, 0), 4: (255, 0, 0)}


NAMES = {"h_score", "allred", "percent_positive", "percent_weak", "percent_moderate", "percent_strong", "nuclei",
         "dominant"}
"""The product's table."""


def by_colour(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Instead of UNet++: the class whose colour is nearest."""
    seen = (images[:, None] + 1) * 127.5
    away = ((seen - COLOURS.astype(np.float32)[None, :, :, None, None]) ** 2).sum(axis=2)
    return (away == away.min(axis=1, keepdims=True)).astype(np.float32)


def by_darkness(patches: NDArray[np.float32]) -> NDArray[np.float32]:
    """Instead of the patch classifier: strong, always."""
    return np.tile(np.array([0.0, 0.1, 0.2, 0.7], np.float32), (len(patches), 1))


def run(graph: str, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    if graph == "predict":
        return {"probabilities": by_colour(inputs["image"])}
    assert graph == "grade"
    return {"probabilities": by_darkness(inputs["patch"])}


def slide(counts: tuple[int, int, int, int], columns: int = 20) -> Pixels:
    """A field of round nuclei of each class, 32 pixels apart."""
    kinds = [1 + kind for kind, count in enumerate(counts) for _ in range(count)]
    rows = -(-max(1, len(kinds)) // columns)
    y, x = np.mgrid[:32, :32]
    disk = (y - 16) ** 2 + (x - 16) ** 2 <= 100
    field = np.zeros((rows * 32, columns * 32), np.uint8)
    for index, kind in enumerate(kinds):
        top, left = 32 * (index // columns), 32 * (index % columns)
        field[top : top + 32, left : left + 32][disk] = kind
    return COLOURS[field]


@pytest.fixture(autouse=True)
def _open_gate(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate has tests of its own; here it lets everything pass, unless the real engine is asked."""
    if "engine" not in request.fixturenames:
        passed = (Finding(code="in-domain", message="It belongs."),)
        monkeypatch.setattr(er._eye, "check", lambda *_given: passed)


def read(counts: tuple[int, int, int, int], um_per_px: float | None = None) -> Reading:
    return er.read(Micrograph(pixels=slide(counts), um_per_px=um_per_px), run)


def test_counts_become_scores_under_the_promised_names() -> None:
    reading = read((100, 40, 30, 30))
    assert (reading.outcome, reading.label) == ("scored", "positive")
    assert reading.scores == {
        "h_score": pytest.approx(95), "allred": 6, "percent_positive": pytest.approx(50),
        "percent_weak": pytest.approx(20), "percent_moderate": pytest.approx(15),
        "percent_strong": pytest.approx(15), "nuclei": 200, "dominant": "strong",
    }
    assert Counter(one.label for one in reading.nuclei) == {"normal": 100, "weak": 40, "moderate": 30, "strong": 30}


@pytest.mark.parametrize(
    ("counts", "label", "asked", "commented"),
    [
        ((300, 0, 0, 0), "negative", True, False),
        ((299, 1, 0, 0), "negative", True, False),
        ((285, 15, 0, 0), "low-positive", True, True),
        ((260, 40, 0, 0), "positive", False, False),
    ],
)
def test_the_category_brings_its_comment_and_its_question(
    counts: tuple[int, int, int, int], label: str, asked: bool, commented: bool
) -> None:
    reading = read(counts)
    assert reading.label == label
    assert (CONTROL_QUESTION in reading.notes) == asked
    assert (LOW_POSITIVE_COMMENT in reading.notes) == commented
    assert any("of nuclei, not of area" in note for note in reading.notes)


def test_the_mask_is_the_first_layer_in_the_exact_palette_at_the_images_size(tmp_path: Path) -> None:
    pixels = slide((30, 30, 30, 30))
    reading = er.read(Micrograph(pixels=pixels), run)
    assert [layer.name for layer in reading.layers] == ["mask", "regions"]
    path = tmp_path / "mask.png"
    path.write_bytes(classes_png(pixels, reading.layers[0]))
    drawn = np.asarray(Image.open(path).convert("RGB"))
    assert drawn.shape == pixels.shape
    kinds = by_colour(pixels.astype(np.float32).transpose(2, 0, 1)[None] / 127.5 - 1)[0].argmax(axis=0)
    for kind, colour in PALETTE.items():
        assert (drawn[kinds == kind] == colour).all()


def test_a_known_pixel_size_changes_the_reading_scale_and_not_the_size_of_what_is_shown() -> None:
    pixels = slide((30, 30, 30, 30))
    for size in (0.25, 0.3, 0.5):
        reading = er.read(Micrograph(pixels=pixels, um_per_px=size), run)
        assert reading.scores["nuclei"] == 120
        assert all(layer.values.shape == pixels.shape[:2] for layer in reading.layers)
        first = min(reading.nuclei, key=lambda one: one.x + one.y)
        assert (first.x, first.y) == (pytest.approx(16, abs=2), pytest.approx(16, abs=2))
        assert all(0 <= one.x < pixels.shape[1] and 0 <= one.y < pixels.shape[0] for one in reading.nuclei)
        assert not any("No pixel size" in note for note in reading.notes)


def test_without_a_pixel_size_the_image_is_read_as_it_is_and_says_so() -> None:
    assert any("No pixel size was given" in note for note in read((100, 0, 0, 20)).notes)


@pytest.mark.parametrize("size", [0.0, 0.01, 5.0, float("nan")])
def test_an_absurd_pixel_size_is_refused(size: float) -> None:
    reading = read((100, 0, 0, 20), size)
    assert (reading.outcome, reading.findings[0].code) == ("refused", "pixel-size")


def test_few_nuclei_are_scored_with_a_warning_and_none_are_refused() -> None:
    few = read((20, 0, 0, 20))
    assert few.outcome == "scored"
    assert any(finding.code == "few-nuclei" and not finding.refuses for finding in few.findings)
    assert not any(finding.code == "few-nuclei" for finding in read((80, 0, 0, 20)).findings)
    none = read((0, 0, 0, 0))
    assert (none.outcome, none.label, dict(none.scores)) == ("refused", None, {})
    assert "No nucleus" in none.reason


def test_regions_lie_inside_the_image_and_show_the_classifiers_answer() -> None:
    reading = read((30, 30, 30, 30))
    height, width = reading.layers[0].values.shape
    assert reading.regions
    for region in reading.regions:
        assert region.x >= 0
        assert region.x + region.width <= width
        assert region.y + region.height <= height
        assert "strong" in region.text
    squares = reading.layers[1].values
    assert set(np.unique(squares)) <= {0, 4}


def test_what_the_gate_refuses_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = (Finding(code="smear", message="This looks like a blood smear.", refuses=True),)
    monkeypatch.setattr(er._eye, "check", lambda *_given: refused)
    reading = read((100, 0, 0, 20))
    assert (reading.outcome, reading.reason, reading.layers) == ("refused", refused[0].message, ())


def test_the_gate_looks_at_squares_of_the_image_the_most_stained_first() -> None:
    pixels = np.full((900, 2000, 3), 240, np.uint8)
    pixels[300:800, 1300:1900] = 90
    views = er.views_of(pixels)
    assert all(view.shape == (448, 448, 3) for view in views)
    assert views[0].mean() < 150
    assert er.views_of(pixels[:1, :7])[0].shape == (1, 1, 3)


tenths = st.integers(0, 1000).map(lambda value: value / 10)


@given(tenths, tenths, tenths, st.integers(1, 5000))
def test_a_readers_own_percentages_give_every_score(weak: float, moderate: float, strong: float, nuclei: int) -> None:
    typed = {"percent_weak": weak, "percent_moderate": moderate, "percent_strong": strong, "nuclei": float(nuclei)}
    if round(10 * (weak + moderate + strong)) > 1000:
        with pytest.raises(ValueError, match="more than 100"):
            er.follow(typed)
        return
    followed = er.follow(typed)
    assert followed.scores["h_score"] == pytest.approx(weak + 2 * moderate + 3 * strong)
    assert followed.scores["percent_positive"] == pytest.approx(weak + moderate + strong)
    assert followed.scores["nuclei"] == nuclei
    assert set(followed.scores) == NAMES


def test_a_reader_must_have_counted_something() -> None:
    with pytest.raises(ValueError, match="at least one"):
        er.follow({"percent_weak": 0, "percent_moderate": 0, "percent_strong": 0, "nuclei": 0})


@pytest.mark.datasets
@pytest.mark.parametrize("name", ["34_3", "Lung1"])
def test_held_out_crops_are_read(engine: Engine, datasets: Path, name: str) -> None:
    pixels = np.asarray(Image.open(datasets / f"ihc/deepliif_ki67/{name}.png").convert("RGB"))
    reading = engine.read("er", Micrograph(pixels=pixels))
    assert (reading.outcome, reading.label) == ("scored", "positive")
    assert 30 < reading.scores["nuclei"] < 250


@pytest.mark.datasets
def test_real_stain_of_er_or_pr_never_fitted_on_passes_the_gate(engine: Engine, datasets: Path) -> None:
    for number in (1, 3, 5, 7):
        path = datasets / f"ihc/endonuke_er_pr/endonuke_{number}.png"
        reading = engine.read("er", Micrograph(pixels=np.asarray(Image.open(path).convert("RGB"))))
        assert reading.outcome == "scored", reading.reason
        assert reading.scores["percent_positive"] > 30


@pytest.mark.datasets
@pytest.mark.parametrize("pattern", ["he/nct_crc/*.tif", "he/lc25000/*.jpeg", "leukemia/Pro/*7.jpg"])
def test_other_stains_are_refused(engine: Engine, datasets: Path, pattern: str) -> None:
    paths = sorted(datasets.glob(pattern))[:5]
    for path in paths:
        reading = engine.read("er", Micrograph(pixels=np.asarray(Image.open(path).convert("RGB"))))
        assert reading.outcome == "refused", path.name
    assert paths
