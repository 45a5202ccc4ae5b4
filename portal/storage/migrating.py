"""Migrations one process at a time, and the way back when one fails half-way.

SQLite is copied before, and the copy put back. MariaDB commits with every change of a table, so nothing can be taken
back there: a mark in the database says that it is between two versions until the migrations are through, and the portal
does not start on it. Its way back is the backup that was made before.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import OperationalError

from portal.storage import restoring, snapshots

log = logging.getLogger("portal.migrating")
MARK = "unfinished_migration"
DENIED = 1142
"""MariaDB to a user without rights on a table, whether it is there or not."""
WAIT_SECONDS = 3600
HALF = ("The database is between two versions: a migration that began at {start} stopped after {reached}, most likely "
        "in the step {step}. MariaDB cannot take such a step back. Restore the backup that was made before this "
        "upgrade into an empty database (flask restore), and start the old version, or this one, on that.")


class HalfMigrated(RuntimeError):
    """A migration failed on a database that cannot take it back; the text says what to do.

    Of a RuntimeError `flask db …` prints the text and ends with 1.
    """


@contextmanager
def one_at_a_time(engine: Engine, head: str, first: Callable[[], None] = lambda: None) -> Iterator[Connection]:
    """A connection to migrate to `head` with, while everybody else who wants to waits. Raises HalfMigrated.

    Without the timeouts with which pages are served: a large table takes its time. `first` is called where there is
    something to migrate, before anything is changed and while nobody else migrates; what it raises ends all of it.
    """
    own = snapshots.patient(engine.url)
    if own.dialect.name == "sqlite":
        path = Path(str(own.url.database))
        with _alone(path):
            _put_back(path)
            _begin(own, head, first)
            with _copied(path, own, head), own.connect() as connection:
                yield connection
    else:
        with own.connect() as lock, _locked(lock), own.connect() as connection:
            _refuse_half(connection)
            _begin(own, head, first)
            with _marked(connection, head):
                yield connection
    own.dispose()


def _begin(engine: Engine, head: str, first: Callable[[], None]) -> None:
    """Nothing is to come before what changes nothing: a new database, or one that is newer than this version."""
    reached = _reached(engine)
    if reached not in ("", head) and restoring.is_known(reached):
        first()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """The system gives the lock back when its holder dies."""
    handle = os.open(path.with_name(f"{path.name}.migrating"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _copied(path: Path, engine: Engine, head: str) -> Iterator[None]:
    """Put the database back as it was when anything fails; at the next start where this process is killed."""
    before = _before(path)
    if path.exists() and _reached(engine) not in ("", head):
        part = before.with_suffix(".part")
        _copy(path, part)
        part.rename(before)
    try:
        yield
    except BaseException:
        _put_back(path)
        raise
    before.unlink(missing_ok=True)


def _put_back(path: Path) -> None:
    """The database as it was before the migration that did not come to its end, where there was one."""
    before = _before(path)
    if before.exists():
        _copy(before, path)
        before.unlink()


def _before(path: Path) -> Path:
    return path.with_name(f"{path.name}.before-migration")


def _copy(source: Path, target: Path) -> None:
    os.close(os.open(target, os.O_RDWR | os.O_CREAT, 0o600))
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
        new.execute("PRAGMA synchronous = FULL")


@contextmanager
def _locked(connection: Connection) -> Iterator[None]:
    """The server gives the lock back when its holder's connection ends."""
    got = connection.scalar(text("SELECT GET_LOCK(CONCAT('secondread ', DATABASE()), :wait)"), {"wait": WAIT_SECONDS})
    if not got:
        raise HalfMigrated("Another process migrates this database and does not come to an end. Look for it.")
    yield


def _is_marked(connection: Connection) -> bool:
    """A user who may not see the mark may not migrate either, and will be told so by the server."""
    try:
        return inspect(connection).has_table(MARK)
    except OperationalError as problem:
        if getattr(problem.orig, "args", (0,))[0] != DENIED:
            raise
        connection.rollback()
        return False


def _refuse_half(connection: Connection) -> None:
    if _is_marked(connection):
        raise HalfMigrated(_told(connection))
    connection.rollback()


@contextmanager
def _marked(connection: Connection, head: str) -> Iterator[None]:
    start = snapshots.revision_of(connection)
    if start == head:
        connection.rollback()
        yield
        return
    connection.exec_driver_sql(f"CREATE TABLE {MARK} (start_revision VARCHAR(32) NOT NULL)")
    connection.execute(text(f"INSERT INTO {MARK} VALUES (:start)"), {"start": start})  # noqa: S608  # nosec B608
    connection.commit()
    try:
        yield
    except BaseException as problem:
        connection.rollback()
        log.error("the migration failed: %s: %s", type(problem).__name__, problem)
        raise HalfMigrated(_told(connection)) from problem
    connection.exec_driver_sql(f"DROP TABLE {MARK}")
    connection.commit()


def _reached(engine: Engine) -> str:
    with engine.connect() as connection:
        return snapshots.revision_of(connection)


def _told(connection: Connection) -> str:
    start = connection.scalar(text(f"SELECT start_revision FROM {MARK}")) or "nothing"  # noqa: S608  # nosec B608
    reached = snapshots.revision_of(connection)
    return HALF.format(start=start, reached=reached or "nothing", step=restoring.step_after(reached))
