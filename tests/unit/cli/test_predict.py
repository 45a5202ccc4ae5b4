"""`flask predict`: no login, no database, one verdict per file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image

from portal.app import create_app
from tests.conftest import make_settings
from tests.support import pictures


@pytest.fixture
def bare_app(tmp_path: Path) -> Flask:
    """A portal whose database cannot be reached."""
    return create_app(make_settings(tmp_path, "mysql+pymysql://nobody@127.0.0.1:1/nothing"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "smear.png").write_bytes(pictures.smear())
    (tmp_path / "blank.png").write_bytes(pictures.blank())
    (tmp_path / "text.jpg").write_bytes(b"text")
    return tmp_path


def predict(app: Flask, *arguments: object) -> tuple[int, list[dict[str, Any]]]:
    done = app.test_cli_runner().invoke(args=["predict", "leukemia", *map(str, arguments), "--json"])
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]


def test_every_file_gets_one_line_with_the_agreed_fields(bare_app: Flask, folder: Path) -> None:
    status, lines = predict(bare_app, folder / "smear.png", folder / "text.jpg", folder / "blank.png")
    assert [line["outcome"] for line in lines] == ["scored", "error", "refused"]
    for line in lines:
        assert set(line) == {"file", "model", "version", "outcome", "reason", "label", "scores", "ms"}
    assert status == 1


def test_the_exit_status_is_zero_when_every_file_was_scored_or_refused(bare_app: Flask, folder: Path) -> None:
    status, lines = predict(bare_app, folder / "smear.png", folder / "blank.png")
    assert status == 0
    assert lines[0]["label"] in lines[0]["scores"]
    assert lines[1]["label"] is None
    assert lines[1]["reason"]


def test_a_missing_file_does_not_stop_the_rest(bare_app: Flask, folder: Path) -> None:
    status, lines = predict(bare_app, folder / "gone.png", folder / "smear.png")
    assert (status, lines[0]["outcome"], lines[1]["outcome"]) == (1, "error", "scored")


def test_the_heat_map_is_written_beside_at_the_size_of_the_input(bare_app: Flask, folder: Path) -> None:
    predict(bare_app, folder / "smear.png", folder / "blank.png", "--out", folder / "out")
    with Image.open(folder / "out" / "smear.heatmap.png") as picture, Image.open(folder / "smear.png") as smear:
        assert picture.size == smear.size
    assert not (folder / "out" / "blank.heatmap.png").exists()


def test_pictures_of_the_same_name_do_not_overwrite_each_other(bare_app: Flask, folder: Path) -> None:
    (folder / "smear.jpg").write_bytes(pictures.smear(seed=2, kind="JPEG"))
    predict(bare_app, folder / "smear.png", folder / "smear.jpg", "--out", folder / "out")
    assert {path.name for path in (folder / "out").iterdir()} == {"smear.heatmap.png", "smear-2.heatmap.png"}


def test_an_unknown_model_is_named(bare_app: Flask, folder: Path) -> None:
    done = bare_app.test_cli_runner().invoke(args=["predict", "astrology", str(folder / "smear.png")])
    assert done.exit_code == 2
    assert "astrology" in done.output
    assert "leukemia" in done.output
