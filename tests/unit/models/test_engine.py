"""The engine runs only files that are what the model was measured with, from any number of threads."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from models.engine import WEIGHTS, Engine, UnknownModel, WeightsMismatch, WeightsMissing
from models.imaging.drawn import draw_smear
from models.spec import Pixels
from tests.unit.models.pictures import noise


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A copy of the weights that a test may spoil."""
    return Path(shutil.copytree(WEIGHTS, tmp_path / "weights"))


def spoil(weights: Path, engine: Engine, graph: str) -> Path:
    file = weights / engine.spec("leukemia").graphs[graph].name
    file.write_bytes(file.read_bytes() + b"\0")
    return file


def test_whole_files_verify() -> None:
    assert [(state.key, state.ok, state.problem) for state in Engine().verify()] == [("leukemia", True, "")]


@pytest.mark.parametrize("graph", ["predict", "explain", "gate"])
def test_a_changed_file_is_never_loaded(weights: Path, graph: str) -> None:
    engine = Engine(weights=weights)
    file = spoil(weights, engine, graph)
    assert [(state.ok, file.name in state.problem) for state in engine.load_all()] == [(False, True)]
    with pytest.raises(WeightsMismatch):
        engine.read("leukemia", draw_smear(7))


def test_a_changed_file_is_listed_with_its_name(weights: Path) -> None:
    engine = Engine(weights=weights)
    file = spoil(weights, engine, "predict")
    (state,) = engine.verify()
    assert not state.ok
    assert file.name in state.problem


def test_a_missing_file_is_said_to_be_missing(weights: Path) -> None:
    engine = Engine(weights=weights)
    (weights / engine.spec("leukemia").graphs["gate"].name).unlink()
    with pytest.raises(WeightsMissing, match="gate"):
        engine.read("leukemia", noise())


def test_a_file_spoiled_after_loading_shows_in_verify(weights: Path) -> None:
    engine = Engine(weights=weights)
    engine.load_all()
    spoil(weights, engine, "explain")
    assert [state.ok for state in engine.verify()] == [False]


def test_an_unknown_key_is_its_own_error() -> None:
    with pytest.raises(UnknownModel):
        Engine().read("no-such-model", noise())


def test_four_threads_get_the_answers_of_one(smear: Pixels) -> None:
    engine = Engine()
    images = [smear, np.ascontiguousarray(smear[::-1]), noise(), np.ascontiguousarray(smear[:, ::-1])] * 3
    alone = [engine.read("leukemia", image) for image in images]

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda image: engine.read("leukemia", image), images))

    assert [(one.outcome, one.label, one.scores) for one in together] == [
        (one.outcome, one.label, one.scores) for one in alone
    ]
