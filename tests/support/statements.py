"""What a database is asked while something runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from portal.extensions import db


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """Each statement with its values; within an application context."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        asked.append((statement, values))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def plan(statement: str, values: Any) -> list[str]:
    """The steps of a statement, those of its subqueries after them, each in a line; within an application context."""
    sqlite = db.engine.dialect.name == "sqlite"
    with db.engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN {'QUERY PLAN ' if sqlite else ''}{statement}", values).mappings()
        return [str(row["detail"]) if sqlite else f"{row['table']} {row['key']} {row['Extra']}" for row in rows]
