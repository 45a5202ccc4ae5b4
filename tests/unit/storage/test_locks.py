"""What only one process does at a time, and the connections that lie idle while it does it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, make_url, text

from portal.extensions import db
from portal.storage import locks, migrating, restoring, snapshots

OWNER = "SELECT IS_USED_LOCK(CONCAT('verifying ', MD5(DATABASE())))"
LIVES = "SELECT COUNT(*) FROM information_schema.processlist WHERE id = :id"


@pytest.fixture
def hasty(mysql_url: str) -> Iterator[Engine]:
    """MariaDB as it is where an idle connection is cut after a second."""
    url = make_url(mysql_url).update_query_dict({"init_command": "SET SESSION wait_timeout = 1"})
    engine = create_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def others_are_cut(hasty: Engine, mysql_url: str) -> Iterator[Callable[[], None]]:
    """Waits until a connection that began to lie idle now is cut."""
    watcher = create_engine(mysql_url)

    def wait() -> None:
        idle = hasty.raw_connection()
        number = idle.thread_id()  # type: ignore[attr-defined]
        with watcher.connect() as connection:
            end = time.monotonic() + 60
            while connection.scalar(text(LIVES), {"id": number}):
                assert time.monotonic() < end, "nothing was cut"
                time.sleep(0.05)
        idle.invalidate()

    yield wait
    watcher.dispose()


def test_a_lock_is_one_holders_and_free_again_after_it(app: Flask) -> None:
    with app.app_context():
        with locks.tried(db.engine, "verifying") as first, locks.tried(db.engine, "verifying") as second:
            assert (first, second) == (True, False)
        with locks.tried(db.engine, "verifying") as again:
            assert again


def test_a_lock_is_held_while_its_connection_lies_idle(hasty: Engine, others_are_cut: Callable[[], None]) -> None:
    with locks.tried(hasty, "verifying") as first:
        others_are_cut()
        with locks.tried(hasty, "verifying") as second:
            assert (first, second) == (True, False)


def test_who_migrates_keeps_its_lock_and_its_connection(hasty: Engine, others_are_cut: Callable[[], None]) -> None:
    with migrating.one_at_a_time(hasty, restoring.newest()) as connection:
        others_are_cut()
        assert connection.scalar(text("SELECT IS_USED_LOCK(CONCAT('secondread ', DATABASE()))"))


def test_a_snapshot_lasts(hasty: Engine, others_are_cut: Callable[[], None]) -> None:
    engine = snapshots.patient(hasty.url)
    with engine.connect() as connection:
        others_are_cut()
        assert connection.scalar(text("SELECT 1"))


@pytest.mark.parametrize("fails", [False, True])
def test_a_lock_whose_connection_was_cut_hides_nothing_of_what_was_done(mysql_url: str, fails: bool) -> None:
    """Neither that it came to its end nor why it did not."""
    engine, done = create_engine(mysql_url), []
    with pytest.raises(KeyError) if fails else nullcontext(), \
            locks.tried(engine, "verifying") as ours, engine.connect() as other:
        other.exec_driver_sql(f"KILL CONNECTION {other.scalar(text(OWNER))}")
        done.append(ours)
        if fails:
            raise KeyError("of the work")
    assert done == [True]
    with locks.tried(engine, "verifying") as again:
        assert again
    engine.dispose()
