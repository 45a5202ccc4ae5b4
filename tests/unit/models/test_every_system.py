"""What must hold for every system of the catalogue, and for one that is dropped in tomorrow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.card import load_card
from models.catalogue import Catalogue
from models.engine import Engine
from models.spec import Micrograph, ModelSpec
from tests.unit.models.pictures import flat, noise, screenshot

SHIPPED = {"leukemia", "er", "pcam", "pancreas", "isight"}
REAL = {
    "leukemia": "leukemia/Early/*.jpg",
    "pcam": "pcam/images/*.webp",
    "er": "ihc/deepliif_ki67/*_2.png",
    "pancreas": "he/pancreas/*.png",
    "isight": "hpa/hpa_core_*.png",
}
SPECS = [entry.spec for entry in Catalogue() if entry.spec.key in SHIPPED]
SCORES = {
    "leukemia": {"Benign", "Early", "Pre", "Pro"},
    "pcam": {"non-metastatic", "metastatic"},
    "er": {"h_score", "allred", "percent_positive", "percent_weak", "percent_moderate", "percent_strong", "nuclei",
           "dominant"},
    "pancreas": {"architecture", "atrophy", "complexes", "fibrosis", "total"},
    "isight": {"intensity", "location", "quantity", "tissue", "malignancy"},
}
"""The names that scripts of others are written against: the product's table."""
every_system = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.key)


def test_the_five_systems_are_in_one_catalogue() -> None:
    assert {spec.key for spec in SPECS} == SHIPPED


@every_system
def test_a_system_tells_what_a_reader_must_know(spec: ModelSpec) -> None:
    told = (spec.title, spec.summary, spec.accepts, spec.preprocessing, spec.licence, spec.source, spec.training_data)
    assert all(told)
    assert spec.limits
    assert "not a diagnosis" in spec.notice
    assert spec.claim


@every_system
def test_its_files_are_those_that_were_measured(spec: ModelSpec, engine: Engine) -> None:
    state = next(one for one in engine.verify() if one.key == spec.key)
    assert (state.ok, state.problem) == (True, "")


@every_system
def test_its_card_is_of_exactly_these_weights(spec: ModelSpec) -> None:
    card = load_card(spec)
    assert card.measured
    assert card.headline is not None
    assert card.headline.command.startswith("python -m models.training ")


@every_system
@pytest.mark.parametrize(
    "pixels", [flat((245, 244, 246)), flat((0, 0, 0)), noise(), noise(4, (24, 24)), screenshot()],
    ids=["blank", "black", "noise", "tiny", "screenshot"],
)
def test_what_is_no_micrograph_is_refused_with_a_reason(
    spec: ModelSpec, engine: Engine, pixels: np.ndarray
) -> None:
    size = spec.scale.wanted if spec.scale else None
    reading = engine.read(spec.key, Micrograph(pixels=pixels, um_per_px=size))
    assert (reading.outcome, reading.label, dict(reading.scores)) == ("refused", None, {})
    assert reading.reason.endswith(".")
    assert (reading.regions, reading.nuclei) == ((), ())


@every_system
@pytest.mark.datasets
def test_a_real_image_is_answered_under_the_promised_names(spec: ModelSpec, engine: Engine, datasets: Path) -> None:
    readings = []
    for path in sorted(datasets.glob(REAL[spec.key]))[:5]:
        pixels = np.asarray(Image.open(path).convert("RGB"))
        readings.append(engine.read(spec.key, Micrograph(pixels=pixels)))
    scored = [reading for reading in readings if reading.outcome == "scored"]
    assert len(scored) > len(readings) / 2
    for reading in scored:
        assert set(reading.scores) >= SCORES[spec.key]
        assert reading.label is None or reading.label in [label.name for label in spec.labels]
        assert reading.layers


@every_system
@pytest.mark.datasets
def test_other_systems_images_are_refused(spec: ModelSpec, engine: Engine, datasets: Path) -> None:
    """A smear is no tissue, and H&E no IHC: what is stained otherwise gets no number."""
    foreign = {
        "leukemia": ("pcam", "er", "pancreas", "isight"), "pcam": ("leukemia", "er", "isight"),
        "er": ("leukemia", "pcam", "pancreas"), "pancreas": ("leukemia", "er", "isight"),
        "isight": ("leukemia", "pcam", "pancreas"),
    }[spec.key]
    size = spec.scale.wanted if spec.scale else None
    for other in foreign:
        for path in sorted(datasets.glob(REAL[other]))[:4]:
            pixels = np.asarray(Image.open(path).convert("RGB"))
            reading = engine.read(spec.key, Micrograph(pixels=pixels, um_per_px=size))
            assert reading.outcome == "refused", f"{spec.key} answered {path.name}"
