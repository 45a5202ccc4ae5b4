"""From a folder of reviewed images to a promoted version and back, by the commands that a clinic types."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

from models.engine import Engine
from models.imaging.drawn import draw_smear
from models.own_versions import read_manifest
from models.spec import Micrograph
from tests.support import pictures
from tests.support.client import Client
from tests.web.test_cases import open_case
from tests.web.test_images import only, upload

ROOT = Path(__file__).parents[2]
LABELS = ("Benign", "Early", "Pre", "Pro")


def draw_clinic(folder: Path) -> None:
    """Three groups of three small drawn smears per class, as the export writes them."""
    folder.mkdir()
    lines = ["file,label,group,um_per_px"]
    for number in range(36):
        label, group = LABELS[number % 4], f"{number % 4}-{number // 12}"
        kind = "blasts" if number % 4 > 1 else "sparse"
        Image.fromarray(draw_smear(700 + number, kind, (240, 180))).save(folder / f"{number}.png")
        lines.append(f"{number}.png,{label},{group},")
    (folder / "labels.csv").write_text("\n".join(lines), encoding="utf-8")


def train(verb: str, folder: Path, *words: str) -> None:
    command = [sys.executable, "-m", "models.training", verb, "leukemia", "--quick", "--threads", "1",
               "--data", str(folder / "data"), "--out", str(folder / "run"), *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_loop_closes(app: Flask, login: Callable[..., Client], tmp_path: Path) -> None:
    draw_clinic(tmp_path / "data")
    train("fit", tmp_path, "--name", "loop")
    train("export", tmp_path)
    train("compare", tmp_path)
    version = tmp_path / "run" / "version"
    (path,) = version.glob("*.own-loop.json")
    manifest = read_manifest(path)
    published = app.extensions["engine"].spec("leukemia")
    assert (manifest.version, manifest.own.base) == (f"{published.version}.own-loop", published.version)
    assert manifest.files["gate"].sha256 == published.graphs["gate"].sha256
    assert manifest.files["predict"].sha256 != published.graphs["predict"].sha256

    done = app.test_cli_runner().invoke(args=["models", "install", str(version)])
    assert done.exit_code == 0, done.output
    admin = login("admin@clinic.example", "admin")
    case, page = open_case(admin), f"/admin/models/leukemia/{manifest.version}"
    assert "too few to say which is better" in admin.get(page).text or "do not say which" in admin.get(page).text
    admin.post(f"{page}/promote")
    after = only(upload(admin, case, ("one.png", pictures.smear(1))))
    assert after["version"] == manifest.version
    admin.post("/admin/models/leukemia/rollback")
    assert only(upload(admin, case, ("two.png", pictures.smear(2))))["version"] == published.version
    before = only(upload(admin, case, ("one.png", pictures.smear(1))))
    assert before["version"] == published.version
    assert before["scores"] != after["scores"]
    check_gate(app.extensions["engine"], manifest.version)


def check_gate(engine: Engine, version: str) -> None:
    """The gate sees what it saw before: through the published network, not through the one that was taught."""
    for seed, kind in ((7, "blasts"), (3, "sparse")):
        micrograph = Micrograph(pixels=draw_smear(seed, kind))
        own, published = (engine.read("leukemia", micrograph, one).findings for one in (version, ""))
        assert [one.code for one in own] == [one.code for one in published]
        for one, other in zip(own, published, strict=True):
            assert one.value == pytest.approx(other.value, abs=0.02)
