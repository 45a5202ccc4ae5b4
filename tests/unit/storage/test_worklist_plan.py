"""The worklist walks its index: no filter makes the database sort, or read whole tables, to find a page of it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from flask import Flask

from portal.storage import worklist
from portal.storage.tables.columns import now
from portal.storage.worklist import Place, WorkFilter
from tests.support.statements import plan, statements
from tests.support.worklists import add_case, add_result

INDEX = "ix_work_items_reader"
FILTERS = {
    "none": WorkFilter(), "system": WorkFilter(model="leukemia"), "outcome": WorkFilter(outcome="scored"),
    "reviewed": WorkFilter(reviewed=True), "dates": WorkFilter(since=date(2020, 1, 1)), "text": WorkFilter(text="a"),
}


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


@pytest.mark.parametrize("few", [0, 2000])
def test_a_rare_text_is_fetched_by_index_and_found_wherever_it_stands(
        app: Flask, me: int, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worklist, "WINDOW", 3)
    monkeypatch.setattr(worklist, "FEW", few)
    late = add_case(app, me, note="zebra")
    kept = [add_result(app, late, f"z{number}.png") for number in range(3)]
    for number in range(5):
        add_result(app, 1, f"late{number}.png")
    with app.app_context(), statements() as asked:
        for text, expected in (("zebra", kept[::-1]), ("7.png", [58, 48, 38, 28, 18, 8]), ("nowhere", [])):
            found = worklist.find_places(me, WorkFilter(text=text), need=26, most=1001)
            assert ([one.prediction_id for one in found.places], found.whole) == (expected, True)
    walks = [one for one in asked if "FROM work_items" in one[0]]
    assert any(" IN (" in statement for statement, _values in walks)
    for statement, values in walks:
        with app.app_context():
            steps = plan(statement, values)
        assert "ix_work_items" in next(step for step in steps if "work_items" in step), steps
        assert not any(step.startswith("SCAN") for step in steps), steps


def test_two_walks_for_one_rare_text_look_for_it_once(
        app: Flask, me: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worklist, "WINDOW", 3)
    wanted = WorkFilter(text="nowhere")
    with app.app_context(), statements() as asked:
        texts = worklist.Texts(me, wanted.text)
        for backwards in (False, True):
            worklist.find_places(me, wanted, need=1, most=1, texts=texts, backwards=backwards,
                                 start=Place(reviewed=False, prediction_id=30))
    assert sum("FROM case_readers" in statement for statement, _values in asked) == 1
