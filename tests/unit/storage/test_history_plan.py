"""The history walks the reader's cases: no filter makes the database sort, or read what others have."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from flask import Flask

from portal.storage import cases
from portal.storage.cases import CaseFilter
from tests.support.statements import plan, statements
from tests.support.worklists import add_case, add_result

FILTERS = {
    "none": CaseFilter(), "text": CaseFilter(text="a"), "dates": CaseFilter(since=date(2020, 1, 1)),
    "system": CaseFilter(model="leukemia"), "outcome": CaseFilter(outcome="scored"),
    "waiting": CaseFilter(reviewed=False), "reviewed": CaseFilter(reviewed=True),
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_page_is_a_walk_along_the_readers_cases(app: Flask, make_user: Any, name: str) -> None:
    me, other = make_user(), make_user("two@clinic.example")
    for number in range(40):
        add_result(app, add_case(app, me if number % 4 == 0 else other), f"{number}.png")
    with app.app_context():
        with statements() as asked:
            cases.list_cases(me, FILTERS[name], 1, 25)
        (statement, values), = [one for one in asked if one[0].split("FROM ")[1].startswith("case_readers")
                                and "LIMIT" in one[0]]
        steps = plan(statement, values)
    walked = next(step for step in steps if "case_readers" in step)
    assert "ix_case_readers_user_case" in walked, steps
    assert not any("TEMP B-TREE" in step or "filesort" in step or "temporary" in step for step in steps), steps
    assert not any(step.startswith("SCAN") for step in steps), steps
    assert all("ix_work_items_" in step for step in steps if "work_items" in step), steps
