"""The shared eye computes what its torch network computes, and a gate fitted on it tells kinds apart."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

import torch

from models import gate
from models.engine import WEIGHTS
from models.gate import Domain
from models.imaging.drawn import write_samples
from models.spec import Micrograph, Pixels
from models.training.protocol.eye import Eyes, open_eyes
from models.training.protocol.outliers import generated
from models.training.protocol.plan import Plan
from models.training.protocol.splits import decode
from models.training.protocol.tissue_gate import Belonging, fit_tissue_gate, passes
from models.zoo._eye import EYE, as_views
from tests.unit.models.pictures import blurred, flat, noise

DOMAIN = Domain(
    kinds=("in-domain", "smear", "blur", "nothing"),
    advice={"in-domain": "It belongs.", "smear": "A smear.", "blur": "Blurred.", "nothing": "No microscopy."},
    stranger="nothing",
)


@pytest.mark.datasets
def test_the_exported_eye_sees_what_the_torch_network_sees(datasets: Path) -> None:
    views = [noise(seed, (200 + seed, 300)) for seed in range(3)]
    with torch.no_grad():
        expected = open_eyes(datasets)(torch.from_numpy(as_views(views))).numpy()
    assert np.abs(Eyes(WEIGHTS).embed(views) - expected).max() <= 1e-4


def pcam(datasets: Path) -> list[Pixels]:
    return [decode(path) for path in sorted((datasets / "pcam" / "images").glob("*.webp"))[:160]]


@pytest.mark.slow
@pytest.mark.datasets
def test_a_gate_of_tissue_lets_tissue_pass_and_nothing_else(datasets: Path, tmp_path: Path) -> None:
    shutil.copy(WEIGHTS / EYE.name, tmp_path)
    tissue = pcam(datasets)
    plan = Plan(key="tried", version="0", data=datasets, out=tmp_path, weights=tmp_path, quick=True)
    belonging = Belonging(
        train=tissue[:80], validation=tissue[80:120], kinds={"smears": "smear"}, blur="blur", nothing="nothing",
        view=lambda micrograph: [micrograph.pixels],
    )
    fit_tissue_gate(plan, belonging, DOMAIN)
    with np.load(tmp_path / "tried-0.gate.npz", allow_pickle=False) as archive:
        parameters = dict(archive)
    eyes = Eyes(tmp_path)
    (tmp_path / "drawn").mkdir()
    smears = [decode(sample.path) for sample in write_samples(tmp_path / "drawn") if "smear" in sample.path.name]
    assert passes(tissue[120:], parameters, eyes).mean() >= 0.9
    assert not passes([*generated(8, np.random.default_rng(5)), *smears], parameters, eyes).any()
    assert not passes([flat((240, 240, 240)), blurred(tissue[130], 6)], parameters, eyes).any()


def test_the_median_of_the_views_decides() -> None:
    """One strange corner neither admits nor refuses an image."""
    parameters = {
        "mean": np.zeros(1), "scale": np.ones(1), "hidden_weight": np.eye(1), "hidden_bias": np.zeros(1),
        "kind_weight": np.array([[1.0, -1.0, 0.0, 0.0]]), "kind_bias": np.array([0.0, 1.0, 0.0, 0.0]),
        "centre": np.zeros(1), "axes": np.eye(1), "spread": np.ones(1),
        "least_belonging": np.array(0.0), "most_distance": np.array(9.0),
    }
    belongs, strange = [4.0], [0.0]
    mostly = gate.check_domain(np.array([belongs, belongs, strange]), parameters, DOMAIN)
    hardly = gate.check_domain(np.array([belongs, strange, strange]), parameters, DOMAIN)
    assert (mostly[0].code, mostly[0].refuses) == ("in-domain", False)
    assert (hardly[0].code, hardly[0].refuses) == ("smear", True)
    assert hardly[0].message == "A smear."


def test_views_of_any_size_become_one_batch() -> None:
    batch = as_views([noise(1, (96, 96)), noise(2, (500, 30))])
    assert batch.shape == (2, 3, 224, 224)
    assert (float(batch.min()) >= -1, float(batch.max()) <= 1) == (True, True)


def test_a_micrograph_knows_its_sides() -> None:
    micrograph = Micrograph(pixels=noise(0, (20, 30)))
    assert (micrograph.width, micrograph.height) == (30, 20)
