"""Every candidate exports with parity, and what a training run installs is what the portal finds."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

import torch

from models.catalogue import Catalogue
from models.installed import read_manifest
from models.training.leukemia.candidates import write_manifest
from models.training.leukemia.card import SERVED_HISTORY
from models.training.leukemia.data import CLASSES
from models.training.leukemia.export import parity, write_graphs
from models.training.leukemia.hybrids import HYBRIDS, MOVED, describe
from models.training.protocol.graphs import load_network, settled, sha256_of
from models.training.protocol.plan import Plan
from models.training.protocol.shifts import SHIFTS

CANDIDATES = [key for key in HYBRIDS if key != "leukemia"]
SIDE = 64


def random_network(key: str) -> Any:
    """Random weights, with statistics of batch norm that folding has to get right."""
    torch.manual_seed(3)
    network = Catalogue()[key].build().eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return network


@pytest.mark.parametrize("key", CANDIDATES)
def test_settling_a_network_does_not_change_what_it_computes(key: str) -> None:
    network, image = random_network(key), torch.rand(1, 3, SIDE, SIDE) * 2 - 1
    with torch.no_grad():
        assert torch.allclose(settled(network)(image), network(image), atol=5e-3)


@pytest.mark.slow
@pytest.mark.parametrize("key", CANDIDATES)
def test_torch_and_onnx_agree(key: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        files = write_graphs(random_network(key), tmp_path, key, SIDE)
        network = load_network(Catalogue()[key].build(), files["torch"])
        images = np.random.default_rng(0).uniform(-1, 1, (2, 3, SIDE, SIDE)).astype(np.float32)
        worst = parity(network, files["predict"], files["explain"], images)
    assert max(worst.values()) <= 1e-4


@pytest.mark.parametrize("key", CANDIDATES)
def test_any_side_gives_features_that_the_head_reads(key: str) -> None:
    network = random_network(key)
    with torch.no_grad():
        features, embedding = network.describe(torch.zeros(2, 3, 96, 96))
        assert network.head(features).shape == (2, len(CLASSES))
        assert torch.equal(network.head(features), network(torch.zeros(2, 3, 96, 96)))
    assert embedding.shape[0] == 2


def test_the_manifest_of_a_run_is_one_that_the_portal_reads(tmp_path: Path) -> None:
    spec = Catalogue()[CANDIDATES[0]].spec
    files = {}
    for graph, end in (("predict", ".onnx"), ("explain", ".gradcam.onnx"), ("gate", ".gate.npz")):
        files[graph] = tmp_path / f"{spec.key}-{spec.version}{end}"
        files[graph].write_bytes(graph.encode())
    record = {"sha256": {graph: sha256_of(path) for graph, path in files.items()}, "parity": {}, "held_out": {}}
    write_manifest(spec, tmp_path, record, {"side": 96})
    assert {graph: tmp_path / file.name for graph, file in read_manifest(spec, tmp_path).items()} == files


def test_the_changed_copies_of_the_comparison_are_known_ones() -> None:
    assert set(MOVED) <= set(SHIFTS)


def test_the_comparison_names_every_hybrid_its_recipe_and_what_was_not_fitted(tmp_path: Path) -> None:
    spent = {"machine": "one core", "parameters": 10**6, "file_mb": 2.0, "torch_predict_ms": 3.0,
             "onnx_predict_ms": 2.0, "onnx_explain_ms": 1.0}
    fitted = {**spent, "recipe": {"epochs": 4, "side": 96}, "accuracy": 0.5, "macro_f1": 0.25,
              "macro_f1_interval": [0.2, 0.3], "ece": 0.1, "confusion": [[1]], "moved": dict.fromkeys(MOVED, 0.2)}
    *most, last = HYBRIDS.values()
    plan = Plan(key="leukemia", version=SERVED_HISTORY[0][0], data=tmp_path, out=tmp_path)
    section = describe(plan, {**dict.fromkeys(most, fitted), last: spent})
    cost, first, moved = section["tables"]
    assert [row[0] for row in cost["rows"]] == list(HYBRIDS.values())
    assert [row[0] for row in first["rows"]] == moved["headings"][1:] == most
    assert "4 epochs and 96-pixel images" in section["text"][0]
    assert last in section["text"][-1]


def test_a_comparison_of_costs_alone_shows_no_answers(tmp_path: Path) -> None:
    spent = {"machine": "one core", "parameters": 10**6, "file_mb": 2.0, "torch_predict_ms": 3.0,
             "onnx_predict_ms": 2.0, "onnx_explain_ms": 1.0}
    section = describe(Plan(key="leukemia", version="1", data=tmp_path, out=tmp_path),
                       dict.fromkeys(HYBRIDS.values(), spent))
    assert [table["headings"][0] for table in section["tables"]] == ["hybrid"]
    assert "pictures" not in section
