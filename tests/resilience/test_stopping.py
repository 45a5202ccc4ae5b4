"""SIGTERM, as systemd and Docker send it: what is under way is finished and answered, and nothing is left over."""

from __future__ import annotations

import io
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from benchmarks.kills.check import look
from benchmarks.kills.house import House, build
from benchmarks.kills.load import Kept, picture
from benchmarks.kills.portal import WEB
from tests.support.patience import PATIENCE, until

pytestmark = pytest.mark.slow
GRACE = 60


def served(folder: Path, grace: int) -> Iterator[House]:
    with build(folder, f"sqlite:///{folder / 'test.sqlite3'}", 12,
               GUNICORN_CMD_ARGS=f"--graceful-timeout {grace}") as house:
        house.portal.programs = (("web", WEB),)
        house.portal.keep_up()
        house.portal.wait()
        yield house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    yield from served(tmp_path, GRACE)


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[House]:
    yield from served(tmp_path, 2)


class SlowUpload:
    """An upload of which the first half is there, and which a thread of the portal is reading."""

    def __init__(self, house: House, data: bytes) -> None:
        self.data = data
        boundary, body = encode_multipart({"model": "leukemia", "images": [FileStorage(io.BytesIO(data), "a.png")]})
        self.line = socket.create_connection(("127.0.0.1", house.portal.port), timeout=PATIENCE)
        self.line.sendall((
            f"POST /api/v1/cases/{house.load.case_id}/images HTTP/1.1\r\nHost: here\r\nConnection: close\r\n"
            f"Expect: 100-continue\r\nAuthorization: Bearer {house.load.token}\r\nContent-Length: {len(body)}\r\n"
            f'Content-Type: multipart/form-data; boundary="{boundary}"\r\n\r\n').encode())
        assert b" 100 " in self.line.recv(1000)
        self.rest = body[len(body) // 2:]
        self.line.sendall(body[:len(body) // 2])

    def __enter__(self) -> SlowUpload:
        return self

    def __exit__(self, *_problem: object) -> None:
        self.line.close()

    def finish(self) -> Kept:
        self.line.sendall(self.rest)
        said = b""
        while piece := self.line.recv(65536):
            said += piece
        head, _, body = said.partition(b"\r\n\r\n")
        assert re.match(rb"HTTP/1.1 201 ", head), said
        one = json.loads(body)["files"][0]
        return Kept(one["image"], one["prediction"], self.data)


def family_of(house: House) -> list[psutil.Process]:
    """gunicorn, its child and the decoders."""
    master = psutil.Process(house.portal.running["web"].pid)
    return [master, *master.children(recursive=True)]


def refuses(house: House) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", house.portal.port)) != 0


def test_running_uploads_are_answered_before_it_ends(house: House) -> None:
    dice = np.random.default_rng(99)
    with SlowUpload(house, picture(dice)) as first:
        kept = [first.finish()]  # So that there is a decoder.
    family = family_of(house)
    assert len(family) > 2, "gunicorn, its child and a decoder"
    with SlowUpload(house, picture(dice)) as one, SlowUpload(house, picture(dice)) as two:
        house.load.start(2)
        until(lambda: len(house.load.kept) > 2, house.portal.told)
        house.portal.running["web"].terminate()
        until(lambda: refuses(house), house.portal.told)
        assert house.portal.running["web"].poll() is None, "it waits for those that are under way"
        kept += [one.finish(), two.finish()]
    assert house.portal.running["web"].wait(PATIENCE) == 0, house.portal.told()
    house.load.stop()
    assert psutil.wait_procs(family, PATIENCE)[1] == [], "a decoder was left over"
    assert house.load.refused == [], "whatever was taken was finished"
    found = look(house.app, kept + house.load.kept)
    assert (found.problems, found.swept) == ({}, 0), "nothing was given up half-way"


def test_who_never_finishes_does_not_keep_it_from_ending(impatient: House) -> None:
    dice = np.random.default_rng(98)
    with SlowUpload(impatient, picture(dice)) as first:
        kept = first.finish()
    family = family_of(impatient)
    with SlowUpload(impatient, picture(dice)):
        impatient.portal.running["web"].terminate()
        impatient.portal.running["web"].wait(PATIENCE)
        assert psutil.wait_procs(family, PATIENCE)[1] == []
    assert look(impatient.app, [kept]).problems == {}
