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
from tests.support.own import OWN, SPEC, make_version

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


@pytest.fixture
def fitted(tmp_path: Path) -> Path:
    """A folder as `export` leaves it."""
    make_version(tmp_path / "version")
    return tmp_path / "version"


def test_a_version_is_installed_offered_read_with_and_rolled_back(
        command: Command, fitted: Path, tmp_path: Path) -> None:
    done = command("models", "install", str(fitted))
    assert (done.exit_code, f"leukemia@{OWN} is installed" in done.output) == (0, True)
    assert ["leukemia", OWN, "installed"] in [line.split("\t")[:3] for line in
                                              command("models", "list").stdout.splitlines()]
    assert f"leukemia\t{OWN}\tok" in command("models", "verify").stdout
    file = tmp_path / "smear.png"
    file.write_bytes(pictures.smear(1, "PNG"))

    def version(model: str) -> str:
        return str(json.loads(command("predict", model, str(file), "--json").stdout)["version"])

    assert (version("leukemia"), version(f"leukemia@{OWN}")) == (SPEC.version, OWN)
    assert command("models", "activate", f"leukemia@{OWN}").exit_code == 0
    assert (version("leukemia"), version(f"leukemia@{SPEC.version}")) == (OWN, SPEC.version)
    assert command("models", "rollback", "leukemia").exit_code == 0
    assert version("leukemia") == SPEC.version


def test_a_folder_that_cannot_be_installed_is_refused_in_one_sentence(command: Command, fitted: Path) -> None:
    (fitted / f"leukemia-{OWN}.gate.npz").unlink()
    done = command("models", "install", str(fitted))
    assert done.exit_code == 1
    assert "is listed and not there" in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize(("arguments", "why"), [
    (("models", "activate", "leukemia@1.own-z"), "no version"), (("models", "rollback", "leukemia"), "before"),
    (("models", "rollback", "astrology"), "no such model"), (("predict", "leukemia@9", "x.png"), "no version"),
])
def test_a_version_that_is_not_here_is_said(command: Command, arguments: tuple[str, ...], why: str) -> None:
    done = command(*arguments)
    assert done.exit_code != 0
    assert why in done.stderr
