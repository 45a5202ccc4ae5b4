"""Starts programs: one that ends, or a server that is waited for and stopped again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from benchmarks.serving.client import Connection

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ("DATABASE_URL", "SECRET_KEY", "HOST", "PORT", "FLASK_", "GUNICORN_", "GRADIO_", "PORTAL_")
START_SECONDS = 120
STOP_SECONDS = 20


@dataclass(frozen=True, kw_only=True)
class Command:
    """What to run, where, and what its environment has besides ours."""

    argv: tuple[str, ...]
    cwd: Path = ROOT
    env: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Ours without any setting that would change a server, and with the command's own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
        return {**kept, "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", **self.env}


class CommandFailed(RuntimeError):
    """A program ended badly; the text is the end of what it wrote."""


def run(command: Command, stdin: str = "", accepted: tuple[int, ...] = (0,)) -> str:
    """Run to the end and return what it wrote."""
    done = subprocess.run(command.argv, cwd=command.cwd, env=command.environment(),  # noqa: S603 (our own commands)
                          input=stdin, capture_output=True, text=True, check=False)
    if done.returncode not in accepted:
        raise CommandFailed(f"{' '.join(command.argv)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A running server; `start_seconds` is from its start to its first answered page."""

    def __init__(self, command: Command, port: int, log: Path) -> None:
        self.port = port
        self._log = log
        started = time.perf_counter()
        with log.open("wb") as output:
            self._process = subprocess.Popen(command.argv, cwd=command.cwd,  # noqa: S603 (our own commands)
                                             env=command.environment(), stdin=subprocess.DEVNULL,
                                             stdout=output, stderr=output, start_new_session=True)
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        self.start_seconds = time.perf_counter() - started

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        """Ask it to end, and make it after a while."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None,
                 _trace: TracebackType | None) -> None:
        self.stop()

    def _wait(self) -> None:
        deadline = time.perf_counter() + START_SECONDS
        while time.perf_counter() < deadline:
            if self._process.poll() is not None:
                break
            if self._answers():
                return
            time.sleep(0.01)
        raise CommandFailed(f"The server did not start:\n{self._log.read_text(errors='replace')[-3000:]}")

    def _answers(self) -> bool:
        connection = Connection(self.port)
        try:
            return connection.request("GET", "/").status == 200
        except OSError:
            return False
        finally:
            connection.close()
