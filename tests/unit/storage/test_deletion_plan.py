"""A case goes along indexes: nothing that others have is walked, by the database's own checks of references neither."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import inspect

from portal.extensions import db

DELETED = {"predictions": "image_id", "images": "case_id", "cases": "id"}
REFERENCES = sorted((table.name, column.name) for table in db.metadata.sorted_tables for column in table.columns
                    for key in column.foreign_keys if key.column.table.name in DELETED)


def test_each_reference_to_what_a_deletion_takes_is_found_by_an_index(app: Flask) -> None:
    """For every row that goes, the database looks for those that refer to it."""
    missing = []
    with app.app_context():
        seen = inspect(db.engine)
        for table, column in REFERENCES:
            keys = [one["column_names"] for one in (*seen.get_indexes(table), *seen.get_unique_constraints(table))]
            if column not in (one[0] for one in [*keys, seen.get_pk_constraint(table)["constrained_columns"]]):
                missing.append((table, column))
    assert len(REFERENCES) > 10
    assert missing == []


@pytest.mark.parametrize("table", DELETED)
def test_sqlite_walks_no_table_when_rows_go(sqlite_template: Path, table: str) -> None:
    """Its plan tells the checks of references too; MariaDB's does not."""
    with closing(sqlite3.connect(sqlite_template)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        rows = connection.execute(f"EXPLAIN QUERY PLAN DELETE FROM {table} WHERE {DELETED[table]} = 1").fetchall()
    steps = [str(row[3]) for row in rows]
    assert len(steps) > 1, "without its checks"
    assert not any(step.startswith("SCAN") for step in steps), steps
