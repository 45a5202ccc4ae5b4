"""Torch and the served graphs of iSight say the same, for a lone patch and for a bag."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch", reason="torch is not installed: parity needs requirements.txt")

from models.engine import WEIGHTS
from models.training.isight.export import parity
from models.training.isight.fit import patches_of
from models.training.protocol.graphs import load_network
from models.zoo.isight import SPEC, build

FILES = {name: WEIGHTS / SPEC.graphs[name].name for name in ("encode", "predict")}
TORCH = FILES["predict"].with_suffix(".pt")


@pytest.mark.parametrize("cell", [None, 2])
def test_torch_and_onnx_agree_on_bags_of_noise(cell: int | None) -> None:
    rng = np.random.default_rng(8)
    bags = [rng.integers(0, 256, (count, 336, 336, 3), dtype=np.uint8) for count in (1, 4)]
    assert max(parity(load_network(build(), TORCH), FILES, bags, cell=cell).values()) <= 1e-4


@pytest.mark.datasets
def test_torch_and_onnx_agree_on_real_cores(datasets: Path) -> None:
    paths = [*sorted((datasets / "hpa").glob("hpa_core_*.png"))[:4], datasets / "ihc" / "deepliif_ki67" / "Lung1.png"]
    bags = [patches_of(np.asarray(Image.open(path).convert("RGB"))) for path in paths]
    assert max(parity(load_network(build(), TORCH), FILES, bags).values()) <= 1e-4
