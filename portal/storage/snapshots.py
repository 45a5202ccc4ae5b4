"""All rows as they were at one moment, read raw, while others write."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    ColumnClause,
    Connection,
    Engine,
    NullPool,
    column,
    create_engine,
    event,
    inspect,
    select,
    table,
    text,
)

VERSIONS = "alembic_version"
AT_ONCE = 200
IDLE_SECONDS = 2_147_483
"""The longest `wait_timeout` that MariaDB takes everywhere: 24 days."""


def patient(url: URL, **options: Any) -> Engine:
    """An engine of its own, without the timeouts with which pages are served: a connection may lie idle for hours
    while files are written, and MariaDB does not cut it.
    """
    engine = create_engine(url, hide_parameters=True, poolclass=NullPool, **options)
    if engine.dialect.name != "sqlite":
        event.listen(engine, "connect", _stay)
    return engine


def _stay(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET SESSION wait_timeout = {IDLE_SECONDS}")


@contextmanager
def snapshot(engine: Engine, folder: Path) -> Iterator[Connection]:
    """A connection that sees the database of this moment only.

    SQLite is copied into `folder` by its backup API, so that a long reading does not make the write-ahead log grow;
    MariaDB keeps the moment itself, for the one transaction.
    """
    if engine.dialect.name == "sqlite":
        copy = folder / "snapshot.sqlite3"
        _copy_sqlite(Path(str(engine.url.database)), copy)
        own = patient(URL.create("sqlite", database=str(copy)))
    else:
        own = patient(engine.url, isolation_level="REPEATABLE READ")
    with own.connect() as connection:
        if engine.dialect.name != "sqlite":
            connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        yield connection
    own.dispose()


def revision_of(connection: Connection) -> str:
    """The migration that the database is at; empty before the first."""
    if not inspect(connection).has_table(VERSIONS):
        return ""
    return str(connection.scalar(text(f"SELECT version_num FROM {VERSIONS}")) or "")  # noqa: S608  # nosec B608


def list_tables(connection: Connection) -> Mapping[str, list[str]]:
    """Every table but the migrations' own, and its columns, both sorted by name."""
    seen = inspect(connection)
    return {name: sorted(str(one["name"]) for one in seen.get_columns(name))
            for name in sorted(seen.get_table_names()) if name != VERSIONS}


def read_rows(connection: Connection, name: str, columns: list[str]) -> Generator[tuple[Any, ...], None, None]:
    """The rows of a table, a few at a time, as the driver gives them."""
    named: list[ColumnClause[Any]] = [column(one) for one in columns]
    query = select(*named).select_from(table(name))
    found = connection.execute(query, execution_options={"stream_results": True, "yield_per": AT_ONCE})
    try:
        for row in found:
            yield tuple(row)
    finally:
        found.close()


def highest_numbers(connection: Connection) -> dict[str, int]:
    """The highest number that a table ever gave, by its name, where the database counts on after a row is gone.

    MariaDB tells the number of now, which is the snapshot's or a higher one.
    """
    if connection.dialect.name != "sqlite":
        found = connection.execute(text(
            "SELECT table_name, auto_increment - 1 FROM information_schema.tables "
            "WHERE table_schema = DATABASE() AND auto_increment IS NOT NULL"))
    elif not connection.scalar(text("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'")):
        return {}
    else:
        found = connection.execute(text("SELECT name, seq FROM sqlite_sequence"))
    return {str(name): int(number) for name, number in found.all()}


def database_bytes(engine: Engine) -> int:
    """About how large the database is."""
    if engine.dialect.name == "sqlite":
        path = Path(str(engine.url.database))
        sides = [path, path.with_name(f"{path.name}-wal")]
        return sum(one.stat().st_size for one in sides if one.exists())
    with engine.connect() as connection:
        return int(connection.scalar(text("SELECT COALESCE(SUM(data_length), 0) FROM information_schema.tables "
                                          "WHERE table_schema = DATABASE()")) or 0)


def _copy_sqlite(path: Path, copy: Path) -> None:
    """In one step: others may write meanwhile, and a copy in several would begin anew with each of their commits."""
    copy.touch(mode=0o600)
    source, target = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60), sqlite3.connect(copy)
    try:
        source.backup(target, pages=-1)
    finally:
        source.close()
        target.close()
