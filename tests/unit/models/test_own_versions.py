"""Versions that a clinic fine-tuned: found without a restart, checked before they are read, and never replaced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.comparison import load_comparison
from models.engine import Engine, UnknownModel, WeightsMismatch, WeightsMissing
from models.installed import ManifestError
from models.own_versions import OwnVersions, install, manifests_in, read_manifest
from models.spec import Micrograph, Pixels
from tests.support.own import OWN, SPEC, comparison, make_version, manifest

STEM = f"leukemia-{OWN}"


def test_a_version_is_found_in_a_running_engine_and_reads(tmp_path: Path, smear: Pixels) -> None:
    folder = tmp_path / "models"
    engine = Engine(own=folder)
    assert [one.version for one in engine.versions("leukemia")] == [SPEC.version]
    make_version(folder)
    assert [one.version for one in engine.versions("leukemia")] == [SPEC.version, OWN]
    assert engine.spec("leukemia").version == SPEC.version
    one, other = (engine.read("leukemia", Micrograph(pixels=smear), version) for version in (OWN, ""))
    assert (one.outcome, one.scores) == (other.outcome, other.scores)


def test_it_says_what_it_is_wherever_it_speaks(tmp_path: Path) -> None:
    make_version(tmp_path)
    spec = Engine(own=tmp_path).recorded_spec("leukemia", OWN)
    assert "fine-tuned at this clinic from 48 reviewed images" in spec.notice
    assert spec.notice.startswith(SPEC.notice)
    assert "not the published one" in spec.training_data
    assert spec.labels == SPEC.labels


def test_a_version_that_nobody_has_is_unknown_but_its_answers_keep_their_labels(tmp_path: Path) -> None:
    engine = Engine(own=tmp_path)
    with pytest.raises(UnknownModel):
        engine.spec("leukemia", OWN)
    assert engine.recorded_spec("leukemia", OWN).labels == SPEC.labels


def test_a_version_of_an_earlier_published_one_is_not_read_with(tmp_path: Path, smear: Pixels) -> None:
    make_version(tmp_path, published="0", version="0.own-a")
    engine = Engine(own=tmp_path)
    state = engine.state("leukemia", "0.own-a")
    assert (state.ok, state.absent) == (False, True)
    assert "Fine-tune it again" in state.problem
    assert engine.bytes_on_disk("leukemia", "0.own-a") is None
    with pytest.raises(WeightsMissing, match="Fine-tune it again"):
        engine.read("leukemia", Micrograph(pixels=smear), "0.own-a")


def test_a_file_that_changed_is_damage_and_one_that_is_gone_is_absence(tmp_path: Path, smear: Pixels) -> None:
    make_version(tmp_path)
    gate = tmp_path / f"{STEM}.gate.npz"
    gate.write_bytes(gate.read_bytes() + b"\0")
    engine = Engine(own=tmp_path)
    assert (engine.state("leukemia", OWN).ok, engine.state("leukemia", OWN).absent) == (False, False)
    with pytest.raises(WeightsMismatch):
        engine.read("leukemia", Micrograph(pixels=smear), OWN)
    gate.unlink()
    assert engine.state("leukemia", OWN).absent
    assert engine.bytes_on_disk("leukemia", OWN) is None


@pytest.mark.parametrize(
    "change",
    [
        {"version": "1"},
        {"version": "1.own-" + "a" * 17},
        {"version": "1.own-../b"},
        {"key": "../leukemia"},
        {"files": {**manifest()["files"], "gate": {"name": "../gate.npz", "sha256": "0"}}},
        {"files": ["predict"]},
        {"images": "many"},
        {"made": None, "published": None, "base": None, "groups": None},
    ],
)
def test_a_manifest_that_cannot_be_used_is_named_and_left_out(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / f"{STEM}.json"
    path.write_text(json.dumps(manifest() | change))
    with pytest.raises(ManifestError, match="leukemia"):
        read_manifest(path)
    engine = Engine(own=tmp_path)
    assert len(engine.versions("leukemia")) == 1
    assert any(path.name in problem for problem in engine.own_problems())


def test_a_manifest_without_one_of_the_graphs_gives_no_version(tmp_path: Path) -> None:
    files = manifest()["files"]
    del files["gate"]
    (tmp_path / f"{STEM}.json").write_text(json.dumps(manifest() | {"files": files}))
    assert len(Engine(own=tmp_path).versions("leukemia")) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from([*manifest(), "predict", "gate"]), inner),
    max_leaves=20,
)


@given(held=JSON.map(json.dumps).map(str.encode) | st.binary(max_size=60))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_manifest_stops_the_start(tmp_path: Path, held: bytes) -> None:
    (tmp_path / f"{STEM}.json").write_bytes(held)
    versions = OwnVersions(tmp_path)
    assert len(versions.of(SPEC)) + len(versions.problems()) <= 1


def test_installing_checks_every_file_and_takes_the_comparison_along(tmp_path: Path) -> None:
    source, folder = tmp_path / "run", tmp_path / "instance" / "models"
    make_version(source)
    assert install(source, folder).version == OWN
    engine = Engine(own=folder)
    assert engine.state("leukemia", OWN).ok
    assert load_comparison(engine.spec("leukemia", OWN), folder) is not None
    assert install(source, folder).version == OWN


def test_a_file_that_is_not_the_one_listed_is_not_installed(tmp_path: Path) -> None:
    source, folder = tmp_path / "run", tmp_path / "models"
    make_version(source)
    (source / f"{STEM}.predict.onnx").write_bytes(b"other")
    with pytest.raises(ManifestError, match="not the file that its manifest lists"):
        install(source, folder)
    assert not folder.exists()


def test_an_installed_version_is_never_replaced_by_another_of_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    make_version(tmp_path / "one")
    make_version(tmp_path / "two", differs=True)
    install(tmp_path / "one", folder)
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ManifestError, match="another name"):
        install(tmp_path / "two", folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == kept


def test_a_folder_must_hold_exactly_one_version(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="it holds 0"):
        install(tmp_path, tmp_path / "models")
    make_version(tmp_path, "a")
    make_version(tmp_path, "b")
    assert len(manifests_in(tmp_path)) == 2
    with pytest.raises(ManifestError, match="it holds 2"):
        install(tmp_path, tmp_path / "models")


def test_a_comparison_of_other_weights_counts_for_nothing(tmp_path: Path) -> None:
    make_version(tmp_path)
    spec = Engine(own=tmp_path).spec("leukemia", OWN)
    assert load_comparison(spec, tmp_path) is not None
    path = tmp_path / f"{STEM}.comparison.json"
    path.write_text(json.dumps(comparison(manifest()) | {"weights_sha256": "0" * 64}))
    assert load_comparison(spec, tmp_path) is None


@given(held=st.dictionaries(st.sampled_from(list(comparison(manifest()))), JSON, max_size=3))
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_comparison_breaks_a_page(tmp_path: Path, held: dict[str, Any]) -> None:
    if not (tmp_path / f"{STEM}.json").exists():
        make_version(tmp_path)
    (spec,) = OwnVersions(tmp_path).of(SPEC)
    whole = comparison(manifest()) | held
    (tmp_path / f"{STEM}.comparison.json").write_text(json.dumps(whole))
    found = load_comparison(spec, tmp_path)
    assert found is None or found.version == OWN
