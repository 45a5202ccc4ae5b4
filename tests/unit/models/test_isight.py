"""iSight as it is served: bags of patches, what is answered, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from models.engine import Engine
from models.spec import Micrograph, Pixels
from models.zoo import isight
from models.zoo._isight.bag import LEAST_TISSUE, MOST, SIDE, Bag, Patch, bag_of, cut, tissue_shares, views_of
from models.zoo._isight.read import read_bag
from models.zoo._isight.words import CELLS, QUESTIONS

WIDTH, TOKENS = 5, 9
sizes = st.tuples(st.integers(30, 1100), st.integers(30, 1100))


def section(height: int, width: int, tissue: tuple[slice, slice] | None = None) -> Pixels:
    """White glass with a brown rectangle, all of it unless given."""
    pixels = np.full((height, width, 3), 250, dtype=np.uint8)
    pixels[tissue or (slice(None), slice(None))] = (150, 100, 70)
    return pixels


class Stub:
    """Graphs that answer what their input's mean says, and that note how they were asked."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.refuses = refuses
        self.bags: list[int] = []
        self.cells: list[float] = []

    def __call__(self, graph: str, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        if graph == "encode":
            self.bags.append(len(inputs["patches"]))
            level = inputs["patches"].mean(axis=(1, 2, 3), keepdims=True)[..., 0] / 255
            return {"tokens": np.broadcast_to(level, (len(level), TOKENS, WIDTH)).astype(np.float32)}
        if graph == "predict":
            tokens = inputs["tokens"]
            self.cells.append(float(inputs["cell"].sum()))
            raw = np.exp(-10 * tokens.mean(axis=2))
            evidence = np.repeat(tokens[..., :1], 4, axis=2) * np.arange(4, dtype=np.float32)
            answers = {one.key: np.eye(len(one.options), dtype=np.float32)[-1:] for one in QUESTIONS}
            return {**answers, "attention": raw / raw.sum(axis=0), "evidence": evidence}
        if graph == "eye":
            return {"embedding": np.zeros((1, 2), np.float32)}
        return gate_parameters(self.refuses)


def gate_parameters(refuses: bool) -> dict[str, NDArray[Any]]:
    """A gate of two numbers that lets everything pass, or nothing."""
    quality = {"side": 1, "dark": 0, "bright": 256, "blank": 0, "contrast": -1, "sharpness": -1}
    kinds = np.zeros((1, 5), np.float32)
    held = {
        "mean": np.zeros(2), "scale": np.ones(2), "hidden_weight": np.zeros((2, 1)), "hidden_bias": np.zeros(1),
        "kind_weight": kinds, "kind_bias": np.array([-9 if refuses else 9, 0, 0, 0, 0]), "centre": np.zeros(2),
        "axes": np.zeros((2, 1)), "spread": np.ones(1), "least_belonging": np.array(0), "most_distance": np.array(1),
    }
    return {name: np.asarray(value, np.float32) for name, value in {**held, **quality}.items()}


@given(sizes, st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_every_patch_of_a_bag_has_enough_tissue_and_no_other_has(size: tuple[int, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 2, (4, 4), dtype=np.uint8) * 140 + 110
    pixels = np.asarray(Image.fromarray(np.stack([coarse] * 3, axis=2)).resize((size[1], size[0]), 0))
    kept = {(patch.x, patch.y) for patch in bag_of(pixels).patches}
    for row, column in np.ndindex(-(-size[0] // SIDE), -(-size[1] // SIDE)):
        patch = Patch(x=column * SIDE, y=row * SIDE)
        share = (cut(pixels, patch).min(axis=2) < 225).mean()
        assert ((patch.x, patch.y) in kept) == (share >= LEAST_TISSUE)


@given(sizes)
@settings(max_examples=30, deadline=None)
def test_patches_cover_the_image_once_and_are_white_beyond_it(size: tuple[int, int]) -> None:
    pixels = section(*size)
    shares = tissue_shares(pixels)
    assert shares.sum() * SIDE**2 == pytest.approx(size[0] * size[1])
    for patch in bag_of(pixels).patches:
        piece = cut(pixels, patch)
        assert piece.shape == (SIDE, SIDE, 3)
        inside = piece[: size[0] - patch.y, : size[1] - patch.x]
        assert np.array_equal(inside, pixels[patch.y : patch.y + SIDE, patch.x : patch.x + SIDE])
        assert (piece.sum() - inside.sum(dtype=np.int64)) == 255 * (piece.size - inside.size)


def test_a_bag_is_never_larger_than_its_limit_and_keeps_both_ends() -> None:
    pixels = section(12 * SIDE, 11 * SIDE)
    bag = bag_of(pixels)
    assert (len(bag.patches), bag.found) == (MOST, 132)
    assert len(set(bag.patches)) == MOST
    assert bag.patches[0] == Patch(x=0, y=0)
    assert bag.patches[-1] == Patch(x=10 * SIDE, y=11 * SIDE)


@given(sizes)
@settings(max_examples=20, deadline=None)
def test_the_gate_is_shown_at_most_nine_patches_and_at_least_one(size: tuple[int, int]) -> None:
    views = views_of(Micrograph(pixels=section(*size)))
    assert 1 <= len(views) <= 9
    assert all(view.size for view in views)


def test_patches_go_through_the_encoder_one_at_a_time() -> None:
    run = Stub()
    reading = read_bag(Micrograph(pixels=section(3 * SIDE, 3 * SIDE)), run, isight.TRAINED)
    assert reading.outcome == "scored"
    assert run.bags == [1] * 9
    assert run.cells == [0]


def test_heads_that_nobody_trained_answer_nothing_and_say_so() -> None:
    reading = read_bag(Micrograph(pixels=section(300, 300)), Stub(), isight.TRAINED)
    assert list(reading.scores) == [one.key for one in QUESTIONS]
    assert (reading.scores["tissue"], reading.scores["malignancy"], reading.label) == (None, None, None)
    assert reading.scores["intensity"] == {"negative": 0, "weak": 0, "moderate": 0, "strong": 1}
    assert any("Not trained" in note and "malignancy" in note for note in reading.notes)


def test_a_checkpoint_that_brings_all_heads_answers_all() -> None:
    reading = read_bag(Micrograph(pixels=section(300, 300)), Stub(), {one.key for one in QUESTIONS})
    assert all(reading.scores[one.key] is not None for one in QUESTIONS)
    assert len(reading.scores["tissue"]) == 58
    assert not any("Not trained" in note for note in reading.notes)


def test_attention_lies_on_the_patches_it_belongs_to_and_tells_of_the_highest_first() -> None:
    pixels = section(700, 900)
    pixels[:SIDE, :SIDE] = (60, 30, 20)
    reading = read_bag(Micrograph(pixels=pixels), Stub(), isight.TRAINED)
    heat = reading.layers[0].values
    assert reading.layers[0].name == "heatmap"
    assert heat.shape == (round(700 / 8), round(900 / 8))
    assert (heat[:42, :42] == 1).all()
    assert heat[45:, 45:].max() < 1
    first = reading.regions[0]
    assert (first.x, first.y, first.width, first.height) == (0, 0, SIDE, SIDE)
    values = [region.value for region in reading.regions]
    assert values == sorted(values, reverse=True)
    assert all(one.x + one.width <= 900 and one.y + one.height <= 700 for one in reading.regions)


def test_a_lone_patch_shows_what_speaks_for_the_answer_instead_of_its_attention() -> None:
    reading = read_bag(Micrograph(pixels=section(330, 330)), Stub(), isight.TRAINED)
    (layer,) = reading.layers
    assert (layer.name, layer.kind, layer.values.shape) == ("heatmap", "heat", (41, 41))
    assert "strong" in layer.title
    assert (float(layer.values.min()), float(layer.values.max())) == (1, 1)
    assert reading.regions == ()


def test_glass_without_tissue_is_refused_even_where_the_gate_lets_it_pass() -> None:
    run = Stub()
    reading = read_bag(Micrograph(pixels=section(500, 500, (slice(0, 20), slice(0, 20)))), run, isight.TRAINED)
    assert (reading.outcome, reading.findings[0].code, dict(reading.scores)) == ("refused", "no-tissue", {})
    assert run.bags == []


def test_what_the_gate_refuses_is_never_encoded() -> None:
    run = Stub(refuses=True)
    reading = read_bag(Micrograph(pixels=section(330, 330)), run, isight.TRAINED)
    assert (reading.outcome, run.bags) == ("refused", [])


def test_the_published_heads_and_cell_types_are_complete() -> None:
    assert [len(one.options) for one in QUESTIONS] == [4, 4, 4, 58, 2]
    assert (len(set(CELLS)), len(set(QUESTIONS[3].options))) == (39, 58)


def test_an_empty_bag_is_no_bag() -> None:
    assert bag_of(section(500, 500, (slice(0, 1), slice(0, 1)))) == Bag(patches=(), found=0)


@pytest.mark.datasets
def test_real_cores_are_scored_and_fields_of_many_patches_too(engine: Engine, datasets: Path) -> None:
    paths = [*sorted((datasets / "hpa").glob("hpa_core_*.png")), datasets / "ihc" / "deepliif_ki67" / "ROI_1.png"]
    readings = [engine.read("isight", micrograph(path)) for path in paths]
    assert [reading.outcome for reading in readings].count("scored") >= len(paths) - 1
    assert len(readings[-1].layers) == 2
    for reading in readings:
        for name in isight.TRAINED:
            scores = reading.scores.get(name)
            assert scores is None or sum(scores.values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.datasets
@pytest.mark.parametrize(
    "pattern",
    ["out_of_domain/healthy_lymphocytes/*.jpg", "he/nct_crc/*.tif", "leukemia/*/*.jpg", "pcam/images/00*.webp"],
)
def test_real_images_of_other_kinds_are_refused(engine: Engine, datasets: Path, pattern: str) -> None:
    paths = sorted(datasets.glob(pattern))[:8]
    readings = [engine.read("isight", micrograph(path)) for path in paths]
    assert [reading.outcome for reading in readings].count("scored") <= 1


def micrograph(path: Path) -> Micrograph:
    with Image.open(path) as image:
        return Micrograph(pixels=np.asarray(image.convert("RGB")))
