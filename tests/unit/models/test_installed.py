"""A candidate without weights is listed as such; with a manifest and its files it reads like any other."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.catalogue import Catalogue
from models.engine import Engine, ModelState, WeightsMismatch, WeightsMissing
from models.installed import ManifestError, manifest_file, missing, read_manifest, with_installed
from models.spec import Micrograph, Pixels
from models.zoo.leukemia import SPEC as SERVED
from models.zoo.leukemia_xception_bigru import SPEC
from tests.support.candidates import CANDIDATE, install, manifest

FAMILY = {"leukemia", "leukemia-efficientnetb3-bigru", "leukemia-efficientnetb3-vit", "leukemia-xception-bigru"}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return install(tmp_path / "weights")


def state_of(engine: Engine, key: str) -> ModelState:
    return next(state for state in engine.verify() if state.key == key)


def test_the_family_has_its_four_hybrids() -> None:
    assert {entry.spec.key for entry in Catalogue() if entry.spec.family == "leukemia"} == FAMILY


def test_without_a_manifest_it_is_absent_and_says_what_to_do(tmp_path: Path, smear: Pixels) -> None:
    engine = Engine(weights=tmp_path)
    state = state_of(engine, CANDIDATE)
    assert (state.ok, state.absent) == (False, True)
    assert f"fit {CANDIDATE}" in state.problem
    with pytest.raises(WeightsMissing, match="not installed"):
        engine.read(CANDIDATE, Micrograph(pixels=smear))
    assert engine.bytes_on_disk(CANDIDATE) is None


def test_with_manifest_and_files_it_reads(weights: Path, smear: Pixels) -> None:
    engine = Engine(weights=weights)
    assert state_of(engine, CANDIDATE).ok
    assert engine.spec(CANDIDATE).weights_sha256 == SERVED.weights_sha256
    one, other = (engine.read(key, Micrograph(pixels=smear)) for key in (CANDIDATE, "leukemia"))
    assert (one.outcome, one.label, one.scores) == (other.outcome, other.label, other.scores)


def test_an_installed_file_that_changed_is_damage(weights: Path, smear: Pixels) -> None:
    with (weights / SERVED.graphs["gate"].name).open("ab") as file:
        file.write(b"\0")
    engine = Engine(weights=weights)
    state = state_of(engine, CANDIDATE)
    assert (state.ok, state.absent) == (False, False)
    with pytest.raises(WeightsMismatch):
        engine.read(CANDIDATE, Micrograph(pixels=smear))


@pytest.mark.parametrize(
    "change",
    [
        {"key": "leukemia"},
        {"version": "2"},
        {"files": {}},
        {"files": {**manifest()["files"], "gate": {"name": "../outside.npz", "sha256": "0"}}},
        {"files": {**manifest()["files"], "gate": {"name": "gate.npz"}}},
        {"files": ["predict", "explain", "gate"]},
    ],
)
def test_a_manifest_that_cannot_be_used_is_named(tmp_path: Path, change: dict[str, Any]) -> None:
    path = manifest_file(SPEC, tmp_path)
    path.write_text(json.dumps(manifest() | change))
    with pytest.raises(ManifestError, match=path.name):
        read_manifest(SPEC, tmp_path)
    assert with_installed(SPEC, tmp_path) == SPEC
    assert path.name in missing(SPEC, tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["key", "version", "files", "name", "sha256", "predict", "gate"]), inner),
    max_leaves=12,
)


@given(held=JSON.map(json.dumps).map(str.encode) | st.binary(max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_manifest_stops_the_start(tmp_path: Path, held: bytes) -> None:
    manifest_file(SPEC, tmp_path).write_bytes(held)
    spec = with_installed(SPEC, tmp_path)
    assert spec == SPEC or set(spec.graphs) == set(SPEC.installs)


def test_a_system_with_committed_weights_needs_no_manifest(tmp_path: Path) -> None:
    assert with_installed(SERVED, tmp_path) is SERVED
    assert replace(SERVED, graphs={}).installed
