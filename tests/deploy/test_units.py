"""The systemd units name what exists, keep the service in its room, and systemd understands them."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from config import SECRETS

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy").glob("*.service"))


def service(unit: Path) -> configparser.SectionProxy:
    parser = configparser.RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(unit, encoding="utf-8")
    return parser["Service"]


@pytest.fixture(params=UNITS, ids=lambda unit: unit.stem)
def unit(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture
def here(unit: Path, tmp_path: Path) -> Path:
    """The unit as if this source were installed."""
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text(encoding="utf-8").replace("/opt/secondread", str(ROOT)), encoding="utf-8")
    return copy


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze comes with systemd, which is not on this machine")
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


def test_there_is_one_for_the_pages_and_one_for_the_jobs() -> None:
    assert {unit.stem for unit in UNITS} == {"secondread", "secondread-worker"}


def test_it_starts_a_word_that_run_sh_knows(unit: Path) -> None:
    script, word = service(unit)["ExecStart"].split()
    assert script == f"{service(unit)['WorkingDirectory']}/run.sh"
    words = re.findall(r"^  ([a-z |]+)\)$", (ROOT / "run.sh").read_text(encoding="utf-8"), re.MULTILINE)
    assert word in " | ".join(words).split(" | ")


def test_the_pages_are_told_to_start_anew_by_gunicorns_own_signal() -> None:
    assert service(ROOT / "deploy/secondread.service")["ExecReload"] == "/bin/kill -HUP $MAINPID"


def test_its_settings_exist_and_its_data_lie_where_it_may_write(unit: Path) -> None:
    name, folder = service(unit)["Environment"].split("=")
    assert f'"{name}"' in (ROOT / "config.py").read_text(encoding="utf-8")
    assert folder == f"/var/lib/{service(unit)['StateDirectory']}"


def test_it_runs_as_nobody_special_and_comes_back_after_a_fall(unit: Path) -> None:
    wanted = {"User": "secondread", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "PrivateTmp": "yes",
              "CapabilityBoundingSet": "", "Restart": "on-failure", "UMask": "0077"}
    assert {name: service(unit)[name] for name in wanted} == wanted
    assert service(unit)["MemoryMax"]


def test_a_decoder_that_is_killed_for_want_of_memory_does_not_end_the_service(unit: Path) -> None:
    """With systemd's own policy, stop, one image ends all pages; the portal itself refuses it and goes on."""
    assert service(unit)["OOMPolicy"] == "continue"


def test_systemd_understands_it(here: Path) -> None:
    done = analyze("verify", str(here))
    assert (done.returncode, done.stderr) == (0, "")


def test_secrets_come_as_credentials_where_the_operator_wants_it(here: Path) -> None:
    """The settings are those that may come from files, each from the credential of its line, and systemd takes it."""
    drop_in = ROOT / "deploy/credentials.conf"
    text = drop_in.read_text(encoding="utf-8")
    loaded = dict(re.findall(r"^LoadCredential=(\w+):(/\S+)$", text, re.MULTILINE))
    named = dict(re.findall(r"^Environment=(\w+)_FILE=%d/(\w+)$", text, re.MULTILINE))
    assert set(named) <= set(SECRETS)
    assert set(named.values()) == set(loaded)
    folder = here.with_name(f"{here.name}.d")
    folder.mkdir()
    shutil.copy(drop_in, folder)
    done = analyze("verify", str(here))
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_finds_little_exposed(here: Path) -> None:
    done = analyze("security", "--offline=true", "--threshold=20", str(here))
    assert done.returncode == 0, done.stdout
