"""The database goes away under a portal of real processes that is used all the time, and comes back.

`PORTAL_NIGHTLY=1 pytest -s tests/resilience/test_outage.py` cuts the wire for 30 s and prints what it came to.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from benchmarks.kills.check import look
from benchmarks.kills.house import House, build
from portal.extensions import db
from portal.storage.tables.jobs import Job
from tests.support import databases
from tests.support.patience import PATIENCE, until
from tests.support.proxy import Wire
from tests.support.visitor import Visitor

pytestmark = pytest.mark.slow
AWAY_SECONDS = 30.0 if os.environ.get("PORTAL_NIGHTLY") else 3.0
BOUND = 45.0
"""Seconds within which everything is answered, on a machine that is busy with other things too."""
DATABASE = f"secondread_outage_{os.getpid()}"
PAGES = (("/", "text/html"), ("/cases/1", "text/html"), ("/api/v1/cases", "*/*"), ("/api/v1/cases/1", "*/*"))


@dataclass(frozen=True)
class Answered:
    path: str
    begun: float
    ended: float
    status: int
    kind: str = ""
    again_in: str | None = None
    text: str = field(default="", repr=False)


@dataclass
class Pages:
    """Asks for pages and for what programs read, without a pause; `status` 0 is no answer at all."""

    house: House
    answers: list[Answered] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Pages:
        visitor = Visitor(self.house.portal.port, kept=False)
        visitor.log_in()
        self._thread = threading.Thread(target=self._look, args=(visitor.cookie,))
        self._thread.start()
        return self

    def __exit__(self, *_problem: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self, cookie: str) -> None:
        while not self._over.is_set():
            for path, accept in PAGES:
                begun = time.monotonic()
                self.answers.append(self._ask(path, begun, {
                    "Accept": accept, **({"Authorization": f"Bearer {self.house.load.token}"} if "/api/" in path
                                         else {"Cookie": cookie})}))

    def _ask(self, path: str, begun: float, headers: dict[str, str]) -> Answered:
        line = HTTPConnection("127.0.0.1", self.house.portal.port, timeout=PATIENCE)
        try:
            line.request("GET", path, headers=headers)
            answer = line.getresponse()
            text = answer.read().decode()
        except (OSError, HTTPException) as problem:
            return Answered(path, begun, time.monotonic(), 0, text=repr(problem))
        finally:
            line.close()
        return Answered(path, begun, time.monotonic(), answer.status, answer.headers["Content-Type"],
                        answer.headers["Retry-After"], text)


@pytest.fixture
def wire() -> Iterator[Wire]:
    url = make_url(databases.create_mysql(DATABASE))
    wire = Wire((url.host or "127.0.0.1", url.port or 3306))
    yield wire
    wire.cut()
    databases.drop_mysql(DATABASE)


@pytest.fixture
def house(wire: Wire, tmp_path: Path) -> Iterator[House]:
    """A portal whose processes reach MariaDB by the wire only, while the test reaches it always."""
    url = make_url(databases.SERVER).set(database=DATABASE)
    by_wire = url.set(host="127.0.0.1", port=wire.port).render_as_string(hide_password=False)
    with build(tmp_path, url.render_as_string(hide_password=False), 7, by_wire) as house:
        house.portal.keep_up()
        house.portal.wait()
        yield house


def test_an_outage_is_told_and_heals_alone(house: House, wire: Wire) -> None:
    load = house.load
    started = {name: process.pid for name, process in house.portal.running.items()}
    with Pages(house) as pages:
        load.start(2)
        until(lambda: len(load.kept) > 2 and len(pages.answers) > len(PAGES), house.portal.told)
        # Asked for last: they would be done before a busy machine had come to the rest.
        house.ask_for_jobs(parts=30, seconds=0.2)
        until(lambda: running(house), house.portal.told)
        assert {one.status for one in pages.answers} == {200}
        cut = time.monotonic()
        wire.cut()
        threading.Event().wait(AWAY_SECONDS)
        until(lambda: sum(one.status == 503 for one in pages.answers) > len(PAGES) and load.refused, house.portal.told)
        house.ask_for_jobs(parts=2)
        wire.mend()
        mended, kept, seen = time.monotonic(), len(load.kept), len(pages.answers)
        until(lambda: len(load.kept) > kept + 2, house.portal.told)
        uploads_back = time.monotonic() - mended
        until(lambda: {one.status for one in pages.answers[-2 * len(PAGES):]} == {200}, house.portal.told)
        until(lambda: house.open_jobs() == 0, house.portal.told)
        jobs_back = time.monotonic() - mended
    load.stop()
    print(summary(pages, load.slowest, cut, mended), f"uploads back after {uploads_back:.1f} s, "
          f"all jobs done after {jobs_back:.1f} s; {len(load.kept)} uploads acknowledged, {len(load.refused)} refused")
    told_in_words(pages.answers)
    assert load.unanswered == 0
    assert {(one.status, one.again_in) for one in load.refused} == {(503, "30")}
    assert max(load.slowest, *(one.ended - one.begun for one in pages.answers)) < BOUND
    assert all(one.status in (200, 503) for one in pages.answers[seen:])
    assert {name: process.pid for name, process in house.portal.running.items() if process.poll() is None} == started
    house.portal.stop()
    assert look(house.app, load.kept).problems == {}


def running(house: House) -> bool:
    with house.app.app_context():
        return db.session.query(Job).filter(Job.state == "running", Job.done > 0).count() > 0


def told_in_words(answers: list[Answered]) -> None:
    """All that is no success is a 503 that says when to try again, in the form that the asker reads."""
    others = [one for one in answers if one.status != 200]
    assert others
    for one in others:
        assert (one.status, one.again_in) == (503, "30"), (one, one.text[:500])
        if one.path.startswith("/api/"):
            assert one.kind == "application/problem+json"
        else:
            assert "text/html" in one.kind
            assert "The database does not answer." in one.text


def summary(pages: Pages, slowest_upload: float, cut: float, mended: float) -> str:
    away = [one for one in pages.answers if cut < one.begun and one.ended < mended]
    longest = max(one.ended - one.begun for one in away)
    healed = next(one.ended for one in pages.answers if one.begun > mended and one.status == 200)
    return (f"\naway {mended - cut:.1f} s; pages meanwhile {dict(Counter(one.status for one in away))}, slowest "
            f"{longest:.2f} s; slowest upload {slowest_upload:.2f} s; first page {healed - mended:.1f} s after; ")
