"""Torch and the served graphs say the same: pixels of stage 1, patches of stage 2."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: parity needs requirements.txt")

import torch

from models.catalogue import Catalogue
from models.engine import WEIGHTS
from models.training.er.drawn import draw_scene
from models.training.er.export import parity, write_graphs
from models.training.er.patches import squares_of
from models.training.er.render import Piece, photographed, restained
from models.training.er.served import Served
from models.training.protocol.graphs import load_network
from models.zoo._er.network import build_network
from tests.unit.models.pictures import noise


@pytest.fixture(scope="module")
def network() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load_network(Catalogue()["er"].build(), WEIGHTS / "er-1.pt")


def pieces(count: int) -> list[Piece]:
    rng = np.random.default_rng(3)
    return [photographed(restained(draw_scene(seed, 256), rng), rng) for seed in range(count)]


def test_torch_and_onnx_agree_on_drawn_fields_and_noise(network: Any) -> None:
    drawn = pieces(3)
    images = np.stack([*(piece.pixels for piece in drawn), noise(shape=(256, 256))])
    patches = np.stack([*(patch for piece in drawn for patch, _ in squares_of(piece)), noise(shape=(64, 64))])
    worst = parity(network, Served(WEIGHTS, "er-1"), images, patches)
    assert worst["probabilities"] <= 1e-4
    assert worst["grade"] <= 1e-4


def test_a_batch_answers_as_its_images_one_by_one() -> None:
    served = Served(WEIGHTS, "er-1")
    images = np.random.default_rng(0).uniform(-1, 1, (3, 3, 256, 256)).astype(np.float32)
    together = served.predict(images)
    assert together.shape == (3, 5, 256, 256)
    assert together.sum(axis=1) == pytest.approx(1, abs=1e-4)
    for index in range(3):
        assert served.predict(images[index : index + 1])[0] == pytest.approx(together[index], abs=1e-5)


@pytest.mark.slow
def test_a_network_of_any_weights_is_exported_as_it_computes(tmp_path: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(1)
        network = build_network().eval()
        files = write_graphs(network, tmp_path, "made-1")
        again = load_network(build_network(), files["torch"])
    images = np.stack([noise(seed, (256, 256)) for seed in range(2)])
    patches = np.stack([noise(seed, (64, 64)) for seed in range(2)])
    worst = parity(again, Served(tmp_path, "made-1"), images, patches)
    assert max(worst.values()) <= 1e-4
