"""A text is looked for in the reader's own cases: in their words, and in the names of their images."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import IntegrityError

from portal.extensions import db
from portal.storage import texts
from portal.storage.numbers import Numbers
from portal.storage.tables.cases import Case
from tests.support.worklists import add_case, add_result


@pytest.fixture
def me(app: Flask, make_user: Any) -> int:
    return int(make_user())


def held(app: Flask, reader: int, text: str) -> tuple[set[int], set[int]]:
    with app.app_context():
        found = texts.find_holders(reader, text)
        return set(found.cases), set(found.named)


def test_cases_that_hold_it_are_told_from_those_with_such_an_image(app: Flask, me: int) -> None:
    own, noted, named = add_case(app, me, patient="Zebra-1"), add_case(app, me, note="a zebra"), add_case(app, me)
    add_result(app, own, "zebra.png")
    for name in ("plain.png", "ZEBRA_2.png", "last.png"):
        add_result(app, named, name)
    assert held(app, me, "zebra") == ({own, noted}, {named})
    assert held(app, me, "ebra_2.P") == (set(), {named})
    assert held(app, me, "zebra%") == (set(), set())


def test_others_cases_are_not_looked_at(app: Flask, me: int, make_user: Any) -> None:
    other = make_user("two@clinic.example")
    shared = add_case(app, other, patient="zebra", shared_with=(me,))
    add_case(app, other, patient="zebra")
    assert held(app, me, "zebra") == ({shared}, set())


def test_more_than_one_row_of_ids_is_put_together(app: Flask, me: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "TOGETHER", 4)
    made = {add_case(app, me, specimen="marrow") for _ in range(30)}
    assert held(app, me, "marrow") == (made, set())


def test_an_image_that_was_refused_leaves_no_name(app: Flask, me: int) -> None:
    case = add_case(app, me)
    add_result(app, case, "one.png")
    with pytest.raises(IntegrityError):
        add_result(app, case, "one.png")
    with app.app_context():
        assert db.session.scalar(select(Case.image_names)) == "one.png\n"


@given(st.lists(st.integers(), min_size=1))
def test_numbers_are_written_as_numbers(numbers: list[int]) -> None:
    written = Numbers().literal_processor(sqlite.dialect())(numbers)
    assert [int(one) for one in written.strip("()").split(",")] == numbers
