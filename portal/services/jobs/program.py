"""A program as a part of a job: its own process group, watched and never left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from config import ROOT
from portal.services.jobs.leash import SENTENCE

LOOK_SECONDS = 0.5
TAIL_BYTES = 8192


class ProgramEnded(Exception):
    """The program failed. `sentence`: its own word on it, or nothing where it is not foreseen."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(f"exit status {status}")
        self.status, self.sentence = status, sentence


def run_module(module: str, words: Sequence[str], log: Path, look: Callable[[], None],
               environment: Mapping[str, str] | None = None) -> None:
    """Run a module until it ends; `look` is called twice a second, and whatever it raises ends the program.

    What the program writes goes to `log`. It has our environment, secrets and all, unless another is given. Raises
    ProgramEnded.
    """
    with log.open("wb") as written, _started(module, words, written, environment) as process:
        while True:
            try:
                status = process.wait(LOOK_SECONDS)
                break
            except subprocess.TimeoutExpired:
                look()
    if status:
        raise ProgramEnded(status, (tail(log).splitlines() or [""])[-1] if status == SENTENCE else "")


def tail(log: Path) -> str:
    """The end of what was written, a line for every new state of a progress bar."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            return file.read().decode(errors="replace").replace("\r", "\n").rstrip()
    except FileNotFoundError:
        return ""


def where_it_ended(log: str) -> str:
    """Where in its code a program failed and with what kind of failure; its other words may quote file names."""
    places = re.findall(r'^  File "([^"\n]+)", line (\d+), in (\w+)', log, re.MULTILINE)
    kinds = re.findall(r"^([\w.]*(?:Error|Exception|Exit|Interrupt))\b", log, re.MULTILINE)
    frames = [f"{name} ({file}:{line})" for file, line, name in reversed(places)]
    return " < ".join([*kinds[-1:], *frames]) or "no trace"


@contextmanager
def _started(module: str, words: Sequence[str], log: IO[bytes],
             environment: Mapping[str, str] | None) -> Iterator[subprocess.Popen[bytes]]:
    """The running program, its whole group gone at the end."""
    command = [sys.executable, "-m", "portal.services.jobs.leash", module, *words]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=log,  # noqa: S603  (no shell)
                               stderr=subprocess.STDOUT, start_new_session=True, env=environment)
    with process:
        try:
            yield process
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
