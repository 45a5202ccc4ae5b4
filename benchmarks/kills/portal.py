"""A portal in processes of its own, to be killed: gunicorn with its child, and a worker with its child."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil

from config import ROOT

PATIENCE = 120.0
WEB = (sys.executable, "-m", "gunicorn", "wsgi:app")
WORKER = (sys.executable, "-m", "celery", "--app", "tests.support.worker_app", "--quiet", "worker", "--loglevel",
          "INFO", "--without-gossip", "--without-mingle", "--without-heartbeat")


@dataclass
class Processes:
    """The two programs, each started again when it is gone; both write to `said.txt`."""

    folder: Path
    environment: dict[str, str]
    port: int
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    programs: tuple[tuple[str, tuple[str, ...]], ...] = (("web", WEB), ("worker", WORKER))

    def keep_up(self) -> None:
        for name, words in self.programs:
            if name not in self.running or self.running[name].poll() is not None:
                with (self.folder / "said.txt").open("ab") as said:
                    self.running[name] = subprocess.Popen(  # noqa: S603
                        words, cwd=ROOT, env={**os.environ, **self.environment}, stdout=said, stderr=said,
                        start_new_session=True)

    def kill(self, which: str) -> bool:
        """SIGKILL to "web", "web child", "worker" or "worker child"; False where there is none."""
        name, _, child = which.partition(" ")
        process = self.running[name]
        if process.poll() is not None:
            return False
        if child:
            with suppress(psutil.Error):
                for one in forks(process.pid):
                    one.kill()
                    one.wait(PATIENCE)
                    return True
            return False
        end(process)
        return True

    def answers(self) -> bool:
        line = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            line.request("GET", "/healthz")
            return line.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            line.close()

    def wait(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self.answers():
            if time.monotonic() > deadline:
                raise RuntimeError(f"the portal did not come back: {self.told()}")
            self.keep_up()
            time.sleep(0.05)

    def told(self) -> str:
        return (self.folder / "said.txt").read_text()[-3000:]

    def stop(self) -> None:
        for process in self.running.values():
            end(process)


def forks(pid: int) -> list[psutil.Process]:
    """Its children that run what it runs; not the compilers and linkers that Python asks while it starts."""
    parent = psutil.Process(pid)
    return [one for one in parent.children() if one.cmdline() == parent.cmdline()]


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to a program and all below it, and wait: one that is at a commit ends a moment later."""
    family: list[psutil.Process] = []
    with suppress(psutil.Error):
        family = psutil.Process(process.pid).children(recursive=True)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    psutil.wait_procs(family, PATIENCE)
