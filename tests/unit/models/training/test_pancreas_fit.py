"""Fitting the pancreas scores: on drawn images from nothing, and on a clinic's own from the shipped weights."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

import tifffile
import torch

from models.engine import WEIGHTS
from models.scoring.pancreas import ITEMS, KEYS
from models.training.pancreas.drawn import Drawing, draw_pancreas, independent
from models.training.pancreas.measures import agreement, as_scores, with_total
from models.training.pancreas.served import reload
from models.training.protocol.plan import read_json
from models.zoo.pancreas import SPEC, build

ROOT = Path(__file__).parents[4]


def teach(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "models.training", "fit", "pancreas", "--threads", "1", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def clinic(folder: Path, specimens: int) -> None:
    """Two drawn 16-bit TIFFs per specimen, and the table of a reader who scores the other way round: much to learn."""
    scores = independent(np.random.default_rng(3), 2 * specimens)
    lines = ["file,architecture,atrophy,complexes,fibrosis"]
    for number, some in enumerate(scores):
        name = f"S-{number // 2}-10X_Image{number % 2:03d}_ch00.tif"
        pixels = draw_pancreas(Drawing(scores=some, seed=72_000_000 + number, size=(128, 96)))
        tifffile.imwrite(folder / name, pixels.astype(np.uint16) * 257, photometric="rgb", metadata=None)
        lines.append(",".join([name, *(str(item.most - score) for item, score in zip(ITEMS, some, strict=True))]))
    (folder / "scores.csv").write_text("\n".join(lines), encoding="utf-8")


def test_a_perfect_answer_agrees_wholly_and_the_mean_explains_nothing() -> None:
    truth = with_total(np.array(independent(np.random.default_rng(1), 200)))
    assert {one["r2"] for one in agreement(truth, truth, 0).values()} == {1.0}
    always = np.tile(truth.mean(axis=0), (200, 1))
    for found in agreement(truth, always, 0).values():
        assert found["r2"] == pytest.approx(0, abs=1e-9)
        assert found["within_quarter"] < 0.5


def test_answers_are_rounded_as_served() -> None:
    said = as_scores(np.array([[0.5, 0.51, -0.2, 1.7]]))
    assert said.tolist() == [[2.0, 1.5, 0.0, 4.0, 7.5]]


def test_a_wrong_table_ends_the_fit_in_plain_words(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text(f"file,{','.join(KEYS)}\nnowhere.tif,1,1,1,9\n", encoding="utf-8")
    done = teach("--data", str(tmp_path), "--out", str(tmp_path / "run"))
    assert done.returncode == 1
    assert "line 2: There is no file nowhere.tif in this folder." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_quick_fit_runs_from_drawings_to_weights(tmp_path: Path) -> None:
    done = teach("--quick", "--data", str(tmp_path), "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr[-2000:]
    build().load_state_dict(torch.load(tmp_path / "network.pt", weights_only=True))
    assert read_json(tmp_path / "fitted.json")["images"] == "drawn"


@pytest.mark.slow
def test_a_clinics_own_scores_tune_the_last_blocks_of_the_shipped_weights(tmp_path: Path) -> None:
    clinic(tmp_path, specimens=8)
    done = teach("--quick", "--epochs", "8", "--data", str(tmp_path), "--out", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr[-2000:]
    assert read_json(tmp_path / "run" / "fitted.json")["learnt"] is True
    tuned = torch.load(tmp_path / "run" / "network.pt", weights_only=True)
    start = reload(WEIGHTS / SPEC.graphs["predict"].name).state_dict()
    same = {name for name, value in start.items() if torch.equal(value, tuned[name])}
    assert "trunk.layer2.1.conv2.weight" in same
    assert not {"trunk.layer3.0.conv1.weight", "trunk.layer4.1.conv2.weight", "head.weight"} & same
    record = read_json(tmp_path / "run" / "split.json")
    assert record["counts"] == read_json(tmp_path / "run" / "fitted.json")["counts"]
