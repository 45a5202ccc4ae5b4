"""Beats of several machines and processes at the same moment: none waits for another that waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select

from portal.app import create_app
from portal.extensions import db
from portal.storage import heartbeats
from portal.storage.tables.columns import now
from portal.storage.tables.operations import Heartbeat
from tests.conftest import make_settings
from tests.support import databases


@pytest.fixture
def mariadb(mysql_url: str, tmp_path: Path) -> Iterator[Flask]:
    """SQLite lets nobody write beside another: two of one name cannot come there at once."""
    app = create_app(make_settings(tmp_path, mysql_url))
    databases.empty_tables(app)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@contextmanager
def together(app: Flask, statement: str) -> Iterator[None]:
    """Two connections wait for each other before they say this."""
    gate = threading.Barrier(2, timeout=30)

    def wait(_connection: Any, _cursor: Any, said: str, *_: Any) -> None:
        if said.startswith(statement):
            gate.wait()

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", wait)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", wait)


def beat(app: Flask, name: str) -> None:
    with app.app_context():
        heartbeats.beat(name, now())


def names(app: Flask) -> list[str]:
    with app.app_context():
        return sorted(db.session.scalars(select(Heartbeat.name)))


def test_two_machines_that_beat_at_once_do_not_block_each_other(app: Flask) -> None:
    machines = ["worker@here", "worker@there"]
    with app.app_context():
        for name in (*machines, "worker@gone"):
            heartbeats.beat(name, now() - timedelta(days=8 if name == "worker@gone" else 1))
    began = now()
    with together(app, "DELETE FROM heartbeats"), ThreadPoolExecutor(2) as pool:
        list(pool.map(beat, [app, app], machines))
    assert names(app) == machines
    with app.app_context():
        assert all(one.seen_at >= began for one in db.session.scalars(select(Heartbeat)))


def test_two_processes_of_a_machine_may_beat_for_the_first_time_at_once(mariadb: Flask) -> None:
    with together(mariadb, "INSERT INTO heartbeats"), ThreadPoolExecutor(2) as pool:
        list(pool.map(beat, [mariadb, mariadb], ["worker@here"] * 2))
    assert names(mariadb) == ["worker@here"]
