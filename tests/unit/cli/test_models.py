"""`flask models …` and `predict` with a candidate that is, or is not, installed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from models.engine import Engine
from tests.support import pictures
from tests.support.candidates import CANDIDATE, install

Command = Callable[..., Result]


@pytest.fixture
def command(app: Flask) -> Command:
    return lambda *arguments: app.test_cli_runner().invoke(args=arguments)


@pytest.fixture
def installed(app: Flask, tmp_path: Path) -> None:
    app.extensions["engine"] = Engine(weights=install(tmp_path / "weights"))


def line_of(listed: Result, key: str) -> list[str]:
    return next(line.split("\t") for line in listed.stdout.splitlines() if line.startswith(f"{key}\t"))


def test_candidates_are_listed_as_not_installed_and_verify_does_not_fail(command: Command) -> None:
    assert line_of(command("models", "list"), CANDIDATE)[2] == "not installed"
    verified = command("models", "verify")
    assert "not installed" in line_of(verified, CANDIDATE)[2]


def test_predict_says_what_is_missing(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "smear.png"
    file.write_bytes(pictures.smear(1, "PNG"))
    done = command("predict", CANDIDATE, str(file), "--json")
    answer = json.loads(done.stdout)
    assert (done.exit_code, answer["outcome"]) == (1, "error")
    assert f"python -m models.training fit {CANDIDATE}" in answer["reason"]


@pytest.mark.usefixtures("installed")
def test_an_installed_candidate_is_made_the_active_one(command: Command) -> None:
    assert line_of(command("models", "list"), CANDIDATE)[2] == "installed"
    done = command("models", "activate", CANDIDATE)
    assert done.exit_code == 0, done.output
    listed = command("models", "list")
    assert (line_of(listed, CANDIDATE)[2], line_of(listed, "leukemia")[2]) == ("offered", "installed")


def test_what_is_not_installed_is_refused_in_one_sentence(command: Command) -> None:
    done = command("models", "activate", CANDIDATE)
    assert done.exit_code == 1
    assert "not installed" in done.stderr
    assert "Traceback" not in done.output
