"""A real server with hostile uploads: it answers on, and when it ends, however it ends, no decoder is left."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from portal.app import create_app
from portal.extensions import db
from tests.conftest import make_settings
from tests.support import databases
from tests.support import hostile_decoder as hostile
from tests.support.patience import PATIENCE, until
from tests.support.processes import children, is_zombie
from tests.support.programs import make_token
from tests.support.served import add_user
from tests.unit.models.imaging import makers

ROOT = Path(__file__).parents[2]


class Portal:
    """A gunicorn of one worker, and a program that uploads to it."""

    def __init__(self, folder: Path, template: Path) -> None:
        url = databases.copy_sqlite(template, folder / "test.sqlite3")
        app = create_app(make_settings(folder, url))
        token = make_token(app, add_user(app))
        with app.app_context():
            db.engine.dispose()
        self.headers, self.log = {"Authorization": f"Bearer {token}"}, folder / "web.txt"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        environment = {**os.environ, "PORTAL_INSTANCE": str(folder), "DATABASE_URL": url, "SECRET_KEY": "k" * 40,
                       "HOST": "127.0.0.1", "PORT": str(self.port)}
        with self.log.open("wb") as said:
            self.process = subprocess.Popen([sys.executable, "-m", "gunicorn", "tests.support.hostile_app:app"],
                                            cwd=ROOT, env=environment, stdout=said, stderr=said,
                                            start_new_session=True)
        until(lambda: answers(self.port), self.log.read_text)
        self.case = int(self.ask("/cases", b'{"patient": "P-1", "specimen": "blood"}')[1].split(b'"id":')[1].split(
            b",")[0].strip(b" }\n"))

    def ask(self, path: str, body: bytes, kind: str = "application/json") -> tuple[int, bytes]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/v1{path}", body,
                                         {**self.headers, "Content-Type": kind})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read()

    def upload(self, data: bytes) -> tuple[int, bytes]:
        boundary, body = encode_multipart({"model": "leukemia",
                                           "images": FileStorage(io.BytesIO(data), filename="smear.png")})
        return self.ask(f"/cases/{self.case}/images", body, f'multipart/form-data; boundary="{boundary}"')

    def web(self) -> list[int]:
        return below(self.process.pid)

    def decoders(self) -> list[int]:
        return [one for one in below(self.process.pid) if hostile.MODULE.encode() in command_of(one)]


def below(pid: int) -> list[int]:
    """All processes that a process started, and theirs."""
    found: list[int] = []
    for child in children(pid):
        found += [child, *below(child)]
    return found


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def is_there(pid: int) -> bool:
    """Alive or a zombie."""
    return Path(f"/proc/{pid}").exists()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def portal(tmp_path: Path, sqlite_template: Path) -> Iterator[Portal]:
    made = Portal(tmp_path, sqlite_template)
    yield made
    for pid in (*below(made.process.pid), made.process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    made.process.wait()


def test_a_crash_and_a_greedy_file_cost_one_answer_each_and_the_web_process_lives(portal: Portal) -> None:
    good = makers.encoded(makers.texture(320, 240), "PNG")
    assert portal.upload(good)[0] == 201
    web = set(portal.web()) - set(portal.decoders())
    for order, code in ((hostile.CRASH, b"decoder-crash"), (hostile.EAT, b"decoder-memory")):
        status, told = portal.upload(hostile.told_to(order))
        assert (status, code in told) == (422, True), told
    assert portal.upload(makers.encoded(makers.texture(321, 240), "PNG"))[0] == 201
    assert set(portal.web()) - set(portal.decoders()) == web
    decoders = portal.decoders()
    assert decoders
    portal.process.terminate()
    portal.process.wait(PATIENCE)
    until(lambda: not any(map(is_there, decoders)), portal.log.read_text)


def test_killing_the_web_process_ends_even_a_decoder_that_hangs(portal: Portal) -> None:
    with socket.create_connection(("127.0.0.1", portal.port)) as line:
        boundary, body = encode_multipart({"model": "leukemia", "images": FileStorage(
            io.BytesIO(hostile.told_to(hostile.SPIN)), filename="smear.png")})
        token = portal.headers["Authorization"]
        line.sendall((f"POST /api/v1/cases/{portal.case}/images HTTP/1.1\r\nHost: here\r\nAuthorization: {token}\r\n"
                      f'Content-Type: multipart/form-data; boundary="{boundary}"\r\n'
                      f"Content-Length: {len(body)}\r\n\r\n").encode() + body)
        until(portal.decoders, portal.log.read_text)
        decoders = portal.decoders()
        for pid in [*set(portal.web()) - set(decoders), portal.process.pid]:
            os.kill(pid, signal.SIGKILL)
        portal.process.wait()
    until(lambda: not any(is_there(one) and not is_zombie(one) for one in decoders), portal.log.read_text)
