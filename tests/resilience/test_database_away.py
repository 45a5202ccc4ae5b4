"""The database goes away and comes back: plain words at once, nothing half-written, and it heals alone."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, request_finished
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from portal.app import create_app
from portal.extensions import db
from portal.services.jobs import run
from portal.services.readiness import Probe, read_facts
from portal.storage import mariadb
from portal.storage.tables.cases import Image
from tests.conftest import make_settings
from tests.support import databases
from tests.support.patience import until
from tests.support.pictures import blank
from tests.support.programs import new_case, problem, reader_of
from tests.support.proxy import Wire

QUICK = 10.0


@pytest.fixture
def wire(mysql_url: str) -> Iterator[Wire]:
    url = make_url(mysql_url)
    wire = Wire((url.host or "127.0.0.1", url.port or 3306))
    yield wire
    wire.cut()


@pytest.fixture
def behind(wire: Wire, mysql_url: str, tmp_path: Path) -> Iterator[Flask]:
    """A portal that reaches MariaDB by the wire only."""
    url = make_url(mysql_url).set(host="127.0.0.1", port=wire.port).render_as_string(hide_password=False)
    app = create_app(make_settings(tmp_path, url))
    databases.empty_tables(app)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def test_a_database_that_is_away_is_told_quickly_and_comes_back_by_itself(behind: Flask, wire: Wire) -> None:
    reader = reader_of(behind)
    case_id = new_case(reader)
    wire.cut()
    started = time.monotonic()
    for answer in (reader.upload(case_id, ("a.png", blank())), reader.get(f"/cases/{case_id}")):
        problem(answer, 503)
        assert answer.headers["Retry-After"] == "30"
    page = behind.test_client().get("/login", headers={"Accept": "text/html"})
    assert time.monotonic() - started < QUICK
    assert page.status_code in (200, 503)
    with behind.app_context(), pytest.raises(Exception, match=r"MySQL|Lost|connect"):
        run.release_expired()
    wire.mend()
    assert reader.upload(case_id, ("a.png", blank())).status_code == 201
    with behind.app_context():
        assert db.session.query(Image).count() == 1, "nothing was half-written"
        run.release_expired()


def test_a_database_that_goes_away_after_the_last_question_costs_no_answer(behind: Flask, wire: Wire) -> None:
    """Only the end of a transaction that changed nothing is left to be said, and nobody waits for it."""
    reader = reader_of(behind)
    case_id = new_case(reader)

    def cut(_app: Flask, **_said: object) -> None:
        db.session.execute(text("SELECT 1"))
        wire.cut()

    with request_finished.connected_to(cut, behind):
        assert reader.get(f"/cases/{case_id}").status_code == 200
    with behind.app_context():
        assert db.engine.pool.checkedout() == 0, "the broken line went back"  # type: ignore[attr-defined]
    wire.mend()
    assert reader.get(f"/cases/{case_id}").status_code == 200


def test_a_silent_database_is_told_soon_and_the_second_time_at_once(
        behind: Flask, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """A query may take its 25 seconds; a greeting may not, and who comes next does not wait for it again."""
    reader = reader_of(behind)
    case_id = new_case(reader)
    browser = behind.test_client()
    monkeypatch.setattr(mariadb, "ANSWER_SECONDS", 2.0)
    behind.extensions["probe"] = Probe(read_facts, patience=0.2)
    wire.silent()
    started = time.monotonic()
    problem(reader.get(f"/cases/{case_id}"), 503)
    assert time.monotonic() - started < 2 * 2.0 + QUICK
    asked = wire.taken
    for _ in range(6):
        problem(reader.get(f"/cases/{case_id}"), 503)
    page = browser.get("/account", headers={"Accept": "text/html"})
    assert wire.taken - asked < 6, "one asks for all"
    assert (page.status_code, page.headers["Retry-After"], page.mimetype) == (503, "30", "text/html")
    assert "The database does not answer." in page.text
    ready = browser.get("/readyz")
    assert (ready.status_code, ready.get_json()["checks"]["database"]) == (503, False)
    assert browser.get("/healthz").status_code == 200
    wire.speak()
    until(lambda: reader.upload(case_id, ("a.png", blank())).status_code == 201, "it was to heal alone")
    with behind.app_context():
        assert db.session.query(Image).count() == 1, "nothing was half-written"


def test_a_query_that_gets_no_answer_ends_within_its_own_bound(behind: Flask, wire: Wire) -> None:
    """The wire falls silent after the connection was found to be well, as a firewall does that forgets."""
    with behind.app_context(), db.engine.connect() as connection:
        line = connection.connection.dbapi_connection
        assert isinstance(line, mariadb.Line)
        assert line._read_timeout == 25, "the impatience is over after the greeting"
        line._read_timeout = 1.0
        wire.silent()
        with pytest.raises(OperationalError, match="timed out"):
            connection.execute(text("SELECT 1"))
        wire.speak()


def test_a_sqlite_database_that_is_locked_for_long_is_told(tmp_path: Path, sqlite_template: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    url = databases.copy_sqlite(sqlite_template, tmp_path / "test.sqlite3")
    app = create_app(make_settings(tmp_path, url))
    reader = reader_of(app)
    case_id = new_case(reader)
    with app.app_context():
        db.engine.dispose()
    other = sqlite3.connect(tmp_path / "test.sqlite3")
    other.execute("BEGIN EXCLUSIVE")
    answer = reader.post("/cases", {"patient": "P-0118", "specimen": "blood"})
    problem(answer, 503)
    assert answer.headers["Retry-After"] == "30"
    other.rollback()
    other.close()
    assert reader.upload(case_id, ("a.png", blank())).status_code == 201
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
