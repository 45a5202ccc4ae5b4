"""The worklist walks its index: no filter makes the database sort, or read whole tables, to find a page of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from portal.extensions import db
from portal.storage import worklist
from portal.storage.tables import now
from portal.storage.worklist import Place, WorkFilter
from tests.support.worklists import add_case, add_result

INDEX = "ix_work_items_list"
FILTERS = {
    "none": WorkFilter(), "system": WorkFilter(model="leukemia"), "outcome": WorkFilter(outcome="scored"),
    "reviewed": WorkFilter(reviewed=True), "dates": WorkFilter(since=date(2020, 1, 1)), "text": WorkFilter(text="a"),
}


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """What the database is asked, with its values."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        asked.append((statement, values))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def plan(statement: str, values: Any) -> list[str]:
    """The steps of a statement, those of its subqueries after them, each in a line."""
    sqlite = db.engine.dialect.name == "sqlite"
    with db.engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN {'QUERY PLAN ' if sqlite else ''}{statement}", values).mappings()
        return [str(row["detail"]) if sqlite else f"{row['table']} {row['key']} {row['Extra']}" for row in rows]


@pytest.fixture
def me(app: Flask, make_user: Any) -> int:
    me = int(make_user())
    case = add_case(app, me)
    for number in range(60):
        add_result(app, case, f"{number}.png", at=now())
    return me


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("name", FILTERS)
def test_a_page_is_a_walk_along_the_index(app: Flask, me: int, name: str, deep: bool) -> None:
    wanted = FILTERS[name]
    start = Place(reviewed=bool(wanted.reviewed), prediction_id=40) if deep else None
    with app.app_context():
        with statements() as asked:
            for backwards in (False, True):
                worklist.find_places(me, wanted, need=26, most=1001, start=start, backwards=backwards)
        walks = [one for one in asked if "FROM work_items" in one[0]]
        assert walks
        for statement, values in walks:
            steps = plan(statement, values)
            first = next(step for step in steps if "work_items" in step)
            assert INDEX in first, steps
            assert not any("TEMP B-TREE" in step or "filesort" in step or "temporary" in step for step in steps), steps
            assert not any(step.startswith("SCAN") for step in steps), steps


def test_only_what_a_page_needs_is_fetched(app: Flask, me: int) -> None:
    with app.app_context(), statements() as asked:
        found = worklist.find_places(me, WorkFilter(), need=26, most=26)
    assert len(found.places) == 26
    assert not found.whole
    assert len(asked) == 1
    assert "LIMIT" in asked[0][0]
