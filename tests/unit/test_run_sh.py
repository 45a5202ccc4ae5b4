"""run.sh says in one clear sentence what keeps it from starting."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("bash", "cat", "cksum", "dirname", "env", "mkdir", "sh")


def fake_python(folder: Path, version: str, has_venv: bool) -> None:
    """A `python3` that says it is of this version and knows venv or not."""
    modern = 0 if version >= "3.11" else 1
    script = (f'#!/bin/sh\ncase "$*" in\n  *version_info*) exit {modern} ;;\n  --version) echo "Python {version}" ;;\n'
              f'  *ensurepip*) exit {0 if has_venv else 1} ;;\n  *) exit 1 ;;\nesac\n')
    (folder / "python3").write_text(script, encoding="ascii")
    (folder / "python3").chmod(0o755)


@pytest.fixture
def bare_machine(tmp_path: Path) -> Path:
    """A copy of what run.sh reads, and a folder of programs with nothing but the basics."""
    for path in ROOT.glob("*.txt"):
        shutil.copy(path, tmp_path)
    shutil.copy(ROOT / "run.sh", tmp_path)
    programs = tmp_path / "programs"
    programs.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (programs / tool).symlink_to(found)
    return tmp_path


def start(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(folder / "programs"), **variables}
    return subprocess.run([str(folder / "programs" / "bash"), "run.sh", *arguments], cwd=folder, env=environment,
                          capture_output=True, text=True, check=False)


def test_an_old_python_is_named_with_what_is_needed(bare_machine: Path) -> None:
    fake_python(bare_machine / "programs", "3.10.2", has_venv=True)
    done = start(bare_machine)
    assert done.returncode == 1
    assert "needs Python 3.11" in done.stderr
    assert "3.10.2" in done.stderr


def test_a_missing_venv_comes_with_the_command_that_brings_it(bare_machine: Path) -> None:
    fake_python(bare_machine / "programs", "3.11.2", has_venv=False)
    done = start(bare_machine)
    assert done.returncode == 1
    assert "python3-venv" in done.stderr


def test_an_unknown_word_prints_the_usage(bare_machine: Path) -> None:
    done = start(bare_machine, "dance")
    assert done.returncode == 2
    assert "Usage" in done.stderr


def prepare(tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """The step that run.sh takes before it serves."""
    environment = {**os.environ, "PORTAL_INSTANCE": str(tmp_path), **variables}
    return subprocess.run([sys.executable, "-m", "flask", "--app", "wsgi", "prepare"], cwd=ROOT, env=environment,
                          capture_output=True, text=True, check=False)


def test_a_taken_port_is_named_with_a_way_out(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = prepare(tmp_path, PORT=port)
    assert done.returncode == 1
    assert port in done.stderr
    assert "PORT=" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("name", "value"), [
    ("PORT", "soon"), ("SECRET_KEY", "abc"), ("DATABASE_URL", "oracle://x"),
    ("DATABASE_URL", "mysql+pymysql://nobody:secret-word@127.0.0.1:1/nothing"),
])
def test_a_wrong_setting_stops_the_start_by_name(tmp_path: Path, name: str, value: str) -> None:
    done = prepare(tmp_path, **{name: value})
    assert done.returncode == 1
    assert name in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret-word" not in done.stderr


def test_the_first_start_offers_a_link_and_later_starts_change_nothing(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    first, second = prepare(tmp_path, PORT=port), prepare(tmp_path, PORT=port)
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert f"http://127.0.0.1:{port}/setup?token=" in first.stdout
