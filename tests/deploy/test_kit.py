"""The offline kit: all that a clinic without internet needs, and a plain sentence where it does not fit."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from deploy import kit

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kit of these working files; its wheels come from the registry, as ./run.sh's packages do."""
    made = subprocess.run([sys.executable, "deploy/kit.py", str(tmp_path_factory.mktemp("kit"))], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return Path(made.stdout.strip())


def unpack(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    [unpacked] = folder.iterdir()
    return unpacked


@pytest.mark.slow
def test_without_a_network_the_kit_installs_and_serves(archive: Path, tmp_path: Path) -> None:
    namespace = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    if not shutil.which("ip") or subprocess.run([*namespace, "true"], check=False).returncode:
        pytest.skip("network namespaces need iproute2, and root or user namespaces")
    driver = ROOT / "tests" / "support" / "offline_start.py"
    done = subprocess.run([*namespace, sys.executable, str(driver), str(unpack(archive, tmp_path))],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["routes"] == "", "this test proves nothing where there is a way out"
    assert {path: page["status"] for path, page in seen["pages"].items()} == {
        "/": 200, "/readyz": 200, "/static/vendor/htmx.min.js": 200, "/setup": 200}, seen["said"]
    assert "SecondRead" in seen["pages"]["/"]["text"]
    assert 'name="password"' in seen["pages"]["/setup"]["text"]


@pytest.mark.slow
def test_the_archive_carries_its_sums_and_nothing_private(archive: Path) -> None:
    digest, name = archive.with_name(f"{archive.name}.sha256").read_text(encoding="ascii").split()
    assert (digest, name) == (hashlib.sha256(archive.read_bytes()).hexdigest(), archive.name)
    with tarfile.open(archive) as tar:
        top = tar.getnames()[0].partition("/")[0]
        inside = {name.removeprefix(f"{top}/") for name in tar.getnames()}
    known = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    brought = {name for name in inside if not name.startswith(("wheels/", "static/vendor/"))}
    assert brought - set(known) == {"kit.json", "SHA256SUMS"}
    assert {"run.sh", "static/vendor/.complete", "models/weights/leukemia-1.onnx"} <= inside


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """What an unpacked kit for this machine looks like to run.sh, without its wheels."""
    for path in (*ROOT.glob("*.txt"), ROOT / "run.sh"):
        shutil.copy(path, tmp_path)
    (tmp_path / "deploy").mkdir()
    shutil.copy(ROOT / "deploy" / "kit.py", tmp_path / "deploy")
    (tmp_path / "weights.onnx").write_bytes(b"as packed")
    digest = hashlib.sha256(b"as packed").hexdigest()
    (tmp_path / kit.SUMS).write_text(f"{digest}  weights.onnx\n", encoding="ascii")
    write_facts(tmp_path)
    return tmp_path


def write_facts(folder: Path, **changes: str) -> None:
    facts = {"version": "1", "python": kit._python(), "platform": kit._platform(), "glibc": "", **changes}
    (folder / kit.FACTS).write_text(json.dumps(facts, indent=1), encoding="ascii")


def start(folder: Path) -> Any:
    return subprocess.run(["./run.sh", "setup"], cwd=folder, capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHON": sys.executable})


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"as packeD"), lambda path: path.unlink()],
                         ids=["changed", "missing"])
def test_a_damaged_kit_is_not_installed_and_says_which_file(unpacked: Path, damage: Any) -> None:
    damage(unpacked / "weights.onnx")
    done = start(unpacked)
    assert done.returncode == 1
    assert done.stderr.startswith("SecondRead: The kit is damaged: weights.onnx ")
    assert not (unpacked / ".venv").exists()


@pytest.mark.parametrize(("fact", "value", "sentence"), [
    ("python", "3.99", "It needs Python 3.99; found"), ("platform", "plan9-vax", "This kit is for platform plan9-vax"),
    ("glibc", "99.1", "This kit needs glibc 99.1 or newer"),
])
def test_a_kit_for_another_machine_says_so(unpacked: Path, fact: str, value: str, sentence: str) -> None:
    write_facts(unpacked, **{fact: value})
    done = start(unpacked)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (unpacked / ".venv").exists()


@pytest.mark.parametrize(("names", "needed"), [
    (["a-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"], (2, 17)),
    (["a-1-cp311-cp311-manylinux2014_x86_64.manylinux_2_28_x86_64.whl", "b-1-py3-none-any.whl"], (2, 17)),
    (["a-1-cp311-cp311-manylinux_2_28_x86_64.whl", "b-1-cp311-cp311-manylinux1_x86_64.whl"], (2, 28)),
    (["b-1-py3-none-any.whl", "c-1-cp311-cp311-macosx_11_0_arm64.whl"], ()),
])
def test_the_oldest_glibc_is_read_from_the_wheels_names(names: list[str], needed: tuple[int, ...]) -> None:
    assert kit.needed_glibc(names) == needed


def test_a_kit_needs_git_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit, "ROOT", tmp_path)
    with pytest.raises(kit.KitError, match="with git"):
        kit.make(tmp_path)
