"""run.sh says in one clear sentence what keeps it from starting."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE, until

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


STUB = """#!/bin/bash
# Stands for Python: a web process and a worker that write down who they are, and everything else done at once.
run() { trap "echo stopped >> $1.stopped; exit 0" TERM INT; trap "echo again >> $1.reloaded" HUP
  echo $$ >> "$1.pids"; while :; do sleep 0.05; done; }
case "$*" in
  *gunicorn*) run web ;;
  *celery*) run worker ;;
esac
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """run.sh serving on a machine where everything is installed, in a process group of its own."""
    for path in (*ROOT.glob("*.txt"), ROOT / "run.sh", ROOT / "package.json", ROOT / "package-lock.json"):
        shutil.copy(path, tmp_path)
    for folder, marks in ((".venv", "requirements*.txt constraints.txt"),
                          ("static/vendor", "package.json package-lock.json")):
        (tmp_path / folder).mkdir(parents=True)
        subprocess.run(["bash", "-c", f"cat {marks} | cksum > {folder}/.complete"], cwd=tmp_path, check=True)
    stub = tmp_path / ".venv/bin/python"
    stub.parent.mkdir()
    stub.write_text(STUB)
    stub.chmod(0o755)
    process = subprocess.Popen(["bash", "run.sh"], cwd=tmp_path, start_new_session=True)
    until(lambda: len(lines(tmp_path / "web.pids")) == len(lines(tmp_path / "worker.pids")) == 1)
    yield tmp_path, process
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def is_there(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("whole_group", [False, True], ids=["TERM", "Ctrl-C"])
def test_what_stops_run_sh_stops_both_processes(
        served: tuple[Path, subprocess.Popen[bytes]], whole_group: bool) -> None:
    folder, process = served
    if whole_group:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.terminate()
    process.wait(timeout=PATIENCE)
    assert lines(folder / "worker.stopped") == ["stopped"]
    # On a busy machine a process that has written its last line is not gone yet.
    until(lambda: not any(is_there(pid) for pid in lines(folder / "web.pids") + lines(folder / "worker.pids")))


def test_what_tells_run_sh_to_start_anew_tells_both_and_goes_on(served: tuple[Path, subprocess.Popen[bytes]]) -> None:
    folder, process = served
    for times in (1, 2):
        process.send_signal(signal.SIGHUP)
        until(lambda times=times: len(lines(folder / "web.reloaded")) == times)  # type: ignore[misc]
        until(lambda times=times: len(lines(folder / "worker.pids")) > times)  # type: ignore[misc]
    assert process.poll() is None
    assert is_there(lines(folder / "web.pids")[0])


def test_a_killed_worker_is_started_again(served: tuple[Path, subprocess.Popen[bytes]]) -> None:
    folder, process = served
    os.kill(int(lines(folder / "worker.pids")[0]), signal.SIGKILL)
    until(lambda: len(lines(folder / "worker.pids")) == 2)
    assert process.poll() is None


def test_a_web_process_that_dies_takes_its_worker_along(served: tuple[Path, subprocess.Popen[bytes]]) -> None:
    folder, process = served
    os.kill(int(lines(folder / "web.pids")[0]), signal.SIGKILL)
    assert process.wait(timeout=PATIENCE) == 128 + signal.SIGKILL
    assert not is_there(lines(folder / "worker.pids")[0])


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


def test_an_object_storage_that_does_not_answer_stops_the_start_by_name(tmp_path: Path, no_server: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    done = prepare(tmp_path, PORT=port, PORTAL_FILES="s3://bucket", PORTAL_S3_ENDPOINT=no_server,
                   PORTAL_S3_KEY="portal", PORTAL_S3_SECRET="hidden-word")
    assert done.returncode == 1
    assert "PORTAL_FILES" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hidden-word" not in done.stderr


def test_the_first_start_offers_a_link_and_later_starts_change_nothing(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    first, second = prepare(tmp_path, PORT=port), prepare(tmp_path, PORT=port)
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert f"http://127.0.0.1:{port}/setup?token=" in first.stdout
