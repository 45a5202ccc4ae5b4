"""A real gunicorn under load is told to start anew, and no request fails."""

from __future__ import annotations

import http.client
import io
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from werkzeug.datastructures import FileStorage

from portal.app import create_app
from portal.extensions import db
from tests.conftest import make_settings
from tests.support import databases, pictures
from tests.support.patience import PATIENCE, until
from tests.support.served import add_user
from tests.support.visitor import Visitor

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


@dataclass
class Server:
    """The portal as run.sh serves it."""

    process: subprocess.Popen[bytes]
    port: int
    said: Path

    def starts(self) -> int:
        return self.said.read_text().count("Booting worker")

    def until_started(self, times: int) -> None:
        """Wait until so many processes were begun and the last one answers."""
        until(lambda: self.starts() == times, "a process was to start")
        until(lambda: self.said.read_text().count("Worker exiting") == times - 1, "the one before was to end")


def answers(port: int) -> bool:
    try:
        return Visitor(port, kept=False).ask("GET", "/healthz")[0] == 200
    except OSError:
        return False


@pytest.fixture
def server(tmp_path: Path, sqlite_template: Path) -> Iterator[Server]:
    url = databases.copy_sqlite(sqlite_template, tmp_path / "test.sqlite3")
    app = create_app(make_settings(tmp_path, url))
    add_user(app)
    with app.app_context():
        db.engine.dispose()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {**os.environ, "PORTAL_INSTANCE": str(tmp_path), "DATABASE_URL": url, "PORT": str(port),
                   "SECRET_KEY": "k" * 40, "PORTAL_BCRYPT_ROUNDS": "4"}
    with (tmp_path / "said.txt").open("wb") as said:
        process = subprocess.Popen([sys.executable, "-m", "gunicorn", "wsgi:app"], cwd=ROOT, env=environment,
                                   stdout=said, stderr=said)
    try:
        until(lambda: answers(port), "the portal did not start")
        yield Server(process, port, tmp_path / "said.txt")
    finally:
        process.kill()
        process.wait()


class Load:
    """Visitors that ask and send without a pause, until they are told to stop; remembers whatever went wrong."""

    def __init__(self, port: int) -> None:
        self.over, self.answered, self.failed = threading.Event(), 0, []  # type: ignore[var-annotated]
        self._count = threading.Lock()
        self._pictures = [pictures.smear(seed=seed) for seed in range(1, 13)]
        first = Visitor(port, kept=False)
        first.log_in()
        assert first.send("/cases/new", patient="P-1", specimen="blood", note="")[0] == 303
        self._visitors = [Visitor(port, kept, first.cookie) for kept in (True, False, True, False)]
        work = (self._look, self._look, self._upload, self._upload)
        self._threads = [threading.Thread(target=self._run, args=pair)
                         for pair in zip(work, self._visitors, strict=True)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join(PATIENCE)
        for visitor in self._visitors:
            visitor.leave()

    def _run(self, step: Any, visitor: Visitor) -> None:
        number = 0
        while not self.over.is_set():
            number += 1
            try:
                status = step(visitor, number)
            except (OSError, http.client.HTTPException) as problem:
                status = repr(problem)
            with self._count:
                self.answered += 1
                if status not in (200, 303):
                    self.failed.append((step.__name__, status))

    def _look(self, visitor: Visitor, number: int) -> int:
        return visitor.ask("GET", ("/cases/1", "/", "/models")[number % 3])[0]

    def _upload(self, visitor: Visitor, number: int) -> int:
        picture = self._pictures[number % len(self._pictures)]
        return visitor.send("/cases/1/images", model="leukemia",
                            images=FileStorage(io.BytesIO(picture), filename=f"{number}.png"))[0]


def test_two_reloads_under_load_fail_no_request(server: Server) -> None:
    load = Load(server.port)
    try:
        for times in (2, 3):
            before = load.answered
            until(lambda before=before: load.answered > before + 6, "there was to be load")  # type: ignore[misc]
            server.process.send_signal(signal.SIGHUP)
            server.until_started(times)
            before = load.answered
            until(lambda before=before: load.answered > before + 6,  # type: ignore[misc]
                  f"the new one was to answer: {load.failed} {server.said.read_text()[-3000:]}")
    finally:
        load.stop()
    assert load.failed == []
    status, told = Visitor(server.port, kept=False).ask("GET", "/metrics")
    counted = re.findall(r'^secondread_requests_total\{.*\} ([\d.]+)$', told, re.MULTILINE)
    assert status == 200
    assert sum(map(float, counted)) >= load.answered, "what was counted before a reload counts still"
