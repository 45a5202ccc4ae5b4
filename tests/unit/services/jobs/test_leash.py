"""A program on a leash ends with the process that started it, however that happens."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from config import ROOT

WAITS = "import subprocess, sys, threading; " \
        "one = subprocess.Popen([sys.executable, '-m', 'portal.services.jobs.leash', 'tests.support.waits'], " \
        "stdin=subprocess.PIPE, start_new_session=True); print(one.pid, flush=True); threading.Event().wait()"


def test_a_program_does_not_survive_the_kill_of_its_starter() -> None:
    """Both hold the pipe `out`: it ends when neither is there any more."""
    with subprocess.Popen([sys.executable, "-c", WAITS], cwd=ROOT, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        assert starter.stdout.readline() == b"waiting\n"
        starter.send_signal(signal.SIGKILL)
        ended, _, _ = select.select([starter.stdout], [], [], 30)
        if not ended:
            os.kill(pid, signal.SIGKILL)
        assert ended
        assert starter.stdout.read() == b""


def test_a_sentence_is_the_last_line(tmp_path: Path) -> None:
    (tmp_path / "ends.py").write_text("raise SystemExit('Too few\\nimages.')")
    command = [sys.executable, "-m", "portal.services.jobs.leash", "ends"]
    with subprocess.Popen(command, cwd=ROOT, text=True, env={"PYTHONPATH": str(tmp_path)}, stdin=subprocess.PIPE,
                          stderr=subprocess.PIPE, start_new_session=True) as process:
        assert process.stderr is not None
        said = process.stderr.read().splitlines()
        assert (process.wait(), said[-1]) == (64, "Too few images.")
