"""The engine runs only files that are what the model was measured with, from any number of threads."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from models.catalogue import ZOO, Catalogue
from models.engine import WEIGHTS, Engine, ModelState, UnknownModel, WeightsMismatch, WeightsMissing
from models.imaging.drawn import draw_smear
from models.spec import Micrograph, Pixels
from tests.unit.models.pictures import noise


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A copy of the weights that a test may spoil."""
    return Path(shutil.copytree(WEIGHTS, tmp_path / "weights"))


def spoil(weights: Path, engine: Engine, graph: str) -> Path:
    file = weights / engine.spec("leukemia").graphs[graph].name
    file.write_bytes(file.read_bytes() + b"\0")
    return file


def state_of(engine: Engine, key: str = "leukemia") -> ModelState:
    return next(state for state in engine.verify() if state.key == key)


def test_whole_files_verify() -> None:
    assert state_of(Engine()) == ModelState(key="leukemia", version="1", ok=True)


@pytest.mark.parametrize("graph", ["predict", "explain", "gate"])
def test_a_changed_file_is_never_loaded(weights: Path, graph: str) -> None:
    engine = Engine(weights=weights)
    file = spoil(weights, engine, graph)
    state = state_of(engine)
    assert (state.ok, file.name in state.problem) == (False, True)
    with pytest.raises(WeightsMismatch):
        engine.read("leukemia", Micrograph(pixels=draw_smear(7)))


def test_a_missing_file_is_said_to_be_missing(weights: Path) -> None:
    engine = Engine(weights=weights)
    (weights / engine.spec("leukemia").graphs["gate"].name).unlink()
    assert "gate" in state_of(engine).problem
    with pytest.raises(WeightsMissing, match="gate"):
        engine.read("leukemia", Micrograph(pixels=noise()))


def test_a_file_spoiled_after_loading_shows_in_verify(weights: Path, smear: Pixels) -> None:
    engine = Engine(weights=weights)
    engine.read("leukemia", Micrograph(pixels=smear))
    spoil(weights, engine, "explain")
    assert not state_of(engine).ok


def test_an_engine_loads_nothing_before_the_first_image(weights: Path, smear: Pixels) -> None:
    file = weights / Engine().spec("leukemia").graphs["predict"].name
    whole = file.read_bytes()
    file.unlink()
    engine = Engine(weights=weights)
    file.write_bytes(whole)
    assert engine.read("leukemia", Micrograph(pixels=smear)).outcome == "scored"


def test_a_file_that_two_systems_name_is_loaded_once(tmp_path: Path, smear: Pixels) -> None:
    (tmp_path / "twin.py").write_text(
        "from dataclasses import replace\nfrom models.zoo.leukemia import SPEC as OTHER, build, read\n"
        "SPEC = replace(OTHER, key='twin')\n"
    )
    weights = Path(shutil.copytree(WEIGHTS, tmp_path / "weights"))
    engine = Engine(Catalogue([ZOO, tmp_path]), weights=weights)
    engine.read("leukemia", Micrograph(pixels=smear))
    for file in engine.spec("twin").graphs.values():
        (weights / file.name).unlink()
    assert engine.read("twin", Micrograph(pixels=smear)).outcome == "scored"


def test_an_unknown_key_is_its_own_error() -> None:
    with pytest.raises(UnknownModel):
        Engine().read("no-such-model", Micrograph(pixels=noise()))


def test_four_threads_get_the_answers_of_one(smear: Pixels) -> None:
    engine = Engine()
    images = [smear, np.ascontiguousarray(smear[::-1]), noise(), np.ascontiguousarray(smear[:, ::-1])] * 3
    alone = [engine.read("leukemia", Micrograph(pixels=image)) for image in images]

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda image: engine.read("leukemia", Micrograph(pixels=image)), images))

    assert [(one.outcome, one.label, one.scores) for one in together] == [
        (one.outcome, one.label, one.scores) for one in alone
    ]
