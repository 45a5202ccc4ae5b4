"""/readyz is red for each real cause, says which in plain words, and nothing of the inside."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from models.engine import WEIGHTS, Engine
from portal.app import create_app
from portal.extensions import db
from portal.services import readiness
from portal.services.readiness import Facts, Probe, judge_worker
from portal.storage import heartbeats
from portal.storage.tables.columns import now
from portal.storage.tables.jobs import Job
from tests.conftest import make_settings
from tests.support.client import Client

AT = datetime(2026, 11, 21, 12)
QUIET = timedelta(minutes=5)
ages = st.none() | st.timedeltas(timedelta(0), timedelta(days=30))


def ask(app: Flask) -> tuple[int, dict[str, Any]]:
    answer = app.test_client().get("/readyz")
    told: dict[str, Any] = answer.get_json()
    assert (answer.status_code == 200) == (told["status"] == "ready") == all(told["checks"].values())
    assert "/" not in answer.text.replace("\\/", "/")
    return answer.status_code, told


def red_parts(app: Flask) -> set[str]:
    return {name for name, well in ask(app)[1]["checks"].items() if not well}


def test_it_is_ready_when_all_is_well(app: Flask) -> None:
    status, told = ask(app)
    assert (status, set(told["checks"])) == (200, {"models", "database", "disk", "worker"})


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A folder of all weights, one of them a copy that may be damaged."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for path in WEIGHTS.iterdir():
        (folder / path.name).symlink_to(path)
    (folder / "pcam-1.onnx").unlink()
    shutil.copy(WEIGHTS / "pcam-1.onnx", folder)
    return folder


def test_damaged_weights_are_seen_and_so_is_their_repair(app: Flask, weights: Path) -> None:
    app.extensions["engine"] = Engine(weights=weights)
    assert red_parts(app) == set()
    file = weights / "pcam-1.onnx"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    status, told = ask(app)
    assert (status, told["checks"]["models"], told["states"]["models"]) == (503, False, "damaged: pcam 1")
    file.unlink()
    assert red_parts(app) == {"models"}
    file.write_bytes(whole)
    assert red_parts(app) == set()


def test_files_that_did_not_change_are_not_read_again(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(weights=weights)
    engine.verify(quick=True)
    read: list[str] = []
    whole = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path.name) or whole(path))
    engine.verify(quick=True)
    assert [name for name in read if not name.endswith(".json")] == []
    os.utime(weights / "pcam-1.onnx", ns=(1, 1))
    engine.verify(quick=True)
    assert [name for name in read if not name.endswith(".json")] == ["pcam-1.onnx"]
    engine.verify()
    assert len(read) > 5, "the command looks at everything"


@pytest.mark.parametrize("revision", ["0001", "9999"])
def test_a_database_at_another_migration_is_not_ready(app: Flask, revision: str) -> None:
    with app.app_context():
        here = db.session.scalar(text("SELECT version_num FROM alembic_version"))
        db.session.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})
        db.session.commit()
    try:
        status, told = ask(app)
    finally:
        with app.app_context():
            db.session.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": here})
            db.session.commit()
    assert (status, told["checks"]["database"]) == (503, False)
    assert revision in told["states"]["database"]
    assert red_parts(app) == set()


def test_a_database_without_tables_is_not_ready(tmp_path: Path) -> None:
    assert "database" in red_parts(create_app(make_settings(tmp_path)))


@pytest.fixture
def port() -> Iterator[int]:
    """Where somebody listens who never says a word."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        yield int(silent.getsockname()[1])


def test_a_database_that_is_away_or_hangs_is_red_in_time_and_holds_no_thread(tmp_path: Path, port: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = int(probe.getsockname()[1])
    for where in (closed, port):
        app = create_app(make_settings(tmp_path, f"mysql+pymysql://nobody:hidden@127.0.0.1:{where}/nothing"))
        app.extensions["probe"] = Probe(readiness.read_facts, patience=0.3)
        for _ in range(3):
            began = time.monotonic()
            status, told = ask(app)
            assert (status, told["states"]["database"]) == (503, "does not answer")
            assert time.monotonic() - began < 5
        assert "hidden" not in str(told)


def test_a_hanging_database_is_asked_by_one_thread_only(app: Flask, port: int) -> None:
    asked: list[int] = []

    def hang(_: object) -> Facts:
        asked.append(1)
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.recv(1)
        return Facts()

    probe = Probe(hang, patience=0.05)
    with app.app_context():
        assert [probe.facts(db.engine) for _ in range(5)] == [None] * 5
    assert len(asked) == 1


def test_a_disk_below_its_reserve_is_not_ready(app: Flask) -> None:
    settings = app.extensions["settings"]
    app.extensions["settings"] = replace(settings, min_free_bytes=shutil.disk_usage("/").total * 1000)
    assert red_parts(app) == {"disk"}


def queue_job(app: Flask, owner: int, minutes_ago: float, state: str = "queued", **values: object) -> None:
    with app.app_context():
        db.session.add(Job(kind="export", owner_id=owner, title="x", state=state,
                           created_at=now() - timedelta(minutes=minutes_ago), **values))
        db.session.commit()


def test_jobs_that_wait_without_a_worker_are_not_ready(app: Flask, make_user: Callable[..., int]) -> None:
    owner = make_user()
    queue_job(app, owner, 1)
    assert red_parts(app) == set()
    queue_job(app, owner, 10)
    assert red_parts(app) == {"worker"}
    with app.app_context():
        heartbeats.beat("worker@here", now())
    assert red_parts(app) == set()
    with app.app_context():
        heartbeats.beat("worker@here", now() - timedelta(minutes=6))
    assert red_parts(app) == {"worker"}
    queue_job(app, owner, 10, "running", leased_until=now() + timedelta(seconds=15))
    assert red_parts(app) == set(), "who holds a job is there, however long it takes"


def test_a_job_that_may_not_be_taken_yet_waits_for_nobody(app: Flask, make_user: Callable[..., int]) -> None:
    queue_job(app, make_user(), 60, not_before=now() + timedelta(minutes=1))
    assert red_parts(app) == set()


@pytest.mark.parametrize("hours", [1, 3, 24 * 400])
def test_a_worker_that_died_before_the_clock_went_back_does_not_look_alive(
        app: Flask, make_user: Callable[..., int], hours: int) -> None:
    """Its beat and its lease lie ahead; one that lives beats again within half a minute."""
    owner, ahead = make_user(), timedelta(hours=hours)
    with app.app_context():
        heartbeats.beat("worker@dead", now() + ahead)
    queue_job(app, owner, -60 * hours, "running", leased_until=now() + ahead)
    assert red_parts(app) == set(), "nothing waits"
    queue_job(app, owner, 10)
    assert red_parts(app) == {"worker"}
    assert "secondread_worker_quiet_seconds" not in app.test_client().get("/metrics").text
    with app.app_context():
        heartbeats.beat("worker@alive", now())
    assert red_parts(app) == set()


def test_clocks_of_two_machines_may_differ_a_little(app: Flask, make_user: Callable[..., int]) -> None:
    queue_job(app, make_user(), 10)
    with app.app_context():
        heartbeats.beat("worker@there", now() + timedelta(minutes=4))
    assert red_parts(app) == set()


def test_a_job_that_was_asked_for_before_the_clock_went_back_is_not_forgotten(
        app: Flask, make_user: Callable[..., int]) -> None:
    queue_job(app, make_user(), -180)
    assert red_parts(app) == {"worker"}
    with app.app_context():
        heartbeats.beat("worker@here", now())
    assert red_parts(app) == set()


def test_a_machine_has_one_row_however_often_it_beats(app: Flask) -> None:
    with app.app_context():
        for name, days in (("worker@gone", 30), ("worker@here", 1), ("worker@here", 0)):
            heartbeats.beat(name, now() - timedelta(days=days))
        rows = db.session.execute(text("SELECT name FROM heartbeats")).all()
    assert rows == [("worker@here",)]


@given(ages, ages)
def test_a_worker_is_missed_only_when_it_is_long_gone_and_something_waits_long(
        seen: timedelta | None, waits: timedelta | None) -> None:
    facts = Facts(revision="x", worker_seen=AT - seen if seen is not None else None,
                  oldest_ready=AT - waits if waits is not None else None)
    part = judge_worker(facts, AT, QUIET)
    missed = waits is not None and waits > QUIET and (seen is None or seen > QUIET)
    assert part.well is not missed
    assert bool(part.advice) is missed


def test_the_administration_says_what_to_do(login: Callable[..., Client]) -> None:
    admin = login("admin@clinic.example", "admin")
    assert "Everything works" in admin.get("/admin/system").text
    admin.app.extensions["settings"] = replace(admin.app.extensions["settings"], min_free_bytes=10**18)
    page = admin.get("/admin/system").text
    assert "Something is not well" in page
    assert "Make room" in page
