"""The history's filters by result, its order, and a long list that is not counted to its end."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from flask import Flask

from portal.storage import cases
from tests.support.client import Client
from tests.support.worklists import add_case, add_result, add_review, reader_id

ROW = re.compile(r'<a class="row-link" href="[^"]*">([^<]*)</a>')


@pytest.fixture
def reader(app: Flask, login: Callable[..., Client]) -> Client:
    """Cases: one open, one reviewed, one with both, one empty, one to be read blind."""
    client = login()
    me = reader_id(app)
    made = {name: add_case(app, me, patient=name, blind=name == "blind")
            for name in ("open", "done", "both", "empty", "blind")}
    add_result(app, made["open"], "a.png", model="er")
    add_review(app, add_result(app, made["done"], "b.png", outcome="refused"), me)
    add_review(app, add_result(app, made["both"], "c.png", model="pcam"), me)
    add_result(app, made["both"], "d.png", outcome="refused")
    add_result(app, made["blind"], "e.png", outcome="refused")
    return client


@pytest.mark.parametrize(("filters", "expected"), [
    ({}, ["blind", "empty", "both", "done", "open"]),
    ({"reviewed": "no"}, ["blind", "both", "open"]),
    ({"reviewed": "yes"}, ["done"]),
    ({"model": "er"}, ["open"]),
    ({"outcome": "refused"}, ["both", "done"]),
    ({"model": "pcam", "outcome": "refused"}, []),
    ({"model": "pcam", "reviewed": "no"}, []),
    ({"outcome": "refused", "reviewed": "no"}, ["both"]),
    ({"q": "D.PNG"}, ["both"]),
    ({"model": "nonsense"}, ["blind", "empty", "both", "done", "open"]),
])
def test_a_filter_asks_for_one_result_that_is_all_of_it(
        reader: Client, filters: dict[str, str], expected: list[str]) -> None:
    assert ROW.findall(reader.get(f"/cases?{urlencode(filters)}").text) == expected


def test_filters_survive_paging_and_a_long_list_is_not_counted(
        app: Flask, reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "COUNTED", 5)
    for number in range(32):
        add_case(app, reader_id(app), patient=f"P-{number}")
    page = reader.get("/cases?q=P-").text
    assert "More than 29 cases" in page
    second = re.search(r'href="(/cases\?page=2[^"]*)"', page)[1].replace("&amp;", "&")  # type: ignore[index]
    page = reader.get(second).text
    assert "32 cases" in page
    assert ROW.findall(page) == [f"P-{number}" for number in range(6, -1, -1)]
