"""What belongs to one reader does not exist for another: every route, every kind of thing, every method."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.extensions import db
from tests.support.client import Client
from tests.support.estate import OWNED, PLAUSIBLE, Estate, Visit
from tests.support.programs import Program, make_token

SHARED = {"user_id", "notice_id", "number", "level", "column", "row", "name", "key", "version", "filename"}
"""Words in addresses that stand for nothing of one reader's own; administrators' routes look at other accounts."""
NOTED = {"audit_events", "login_failures", "sessions", "api_tokens"}
"""What a refused request may leave behind: that it was made."""
ASKED_FIRST = {"predictions.draft_save": 409}
"""In whose login a draft was typed is asked before whose prediction it is; another test finds the answers alike."""
PASSING = re.compile(r'(nonce|value|content)="[^"]*"|\b[0-9a-f]{10,16}\b|"request_id":\s*"[^"]*"')

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def ask(client: Client, visit: Visit) -> TestResponse:
    return client.get(visit.address) if visit.method == "GET" else client.post(visit.address, PLAUSIBLE)


def rows(app: Flask) -> dict[str, list[str]]:
    with app.app_context():
        return {table.name: sorted(repr(row) for row in db.session.execute(select(table)))
                for table in db.metadata.sorted_tables if table.name not in NOTED}


def is_program(visit: Visit) -> bool:
    return visit.endpoint.startswith("api.")


def is_administration(app: Flask, visit: Visit) -> bool:
    """What an administrator may do to things of others, without seeing what they hold: end logins, delete by two."""
    guard = app.view_functions[visit.endpoint].guard  # type: ignore[attr-defined]
    return guard == "administrator" or visit.endpoint.startswith("deletions.")


def test_every_word_of_an_address_is_known_to_be_owned_or_not(app: Flask) -> None:
    """A new kind of thing must be given to the estate below, or its routes would not be tried."""
    words = set().union(*(rule.arguments for rule in app.url_map.iter_rules()))
    assert words == OWNED | SHARED


@pytest.mark.parametrize("role", ["clinician", "admin"])
def test_nothing_of_another_reader_exists(
        role: str, app: Flask, estate: Estate, login: Callable[..., Client]) -> None:
    stranger, before = login(f"{role}@clinic.example", role), rows(app)
    program = Program(app, make_token(app, 2))
    tried, wrong = 0, []
    for visit in estate.visits(app, owned=True):
        if role == "admin" and is_administration(app, visit):
            continue
        if is_program(visit):
            form = visit.endpoint == "api.image_create"
            body = {"data": PLAUSIBLE} if form else {"json": {"verdict": "agree"}}
            answer = program.ask(visit.method, visit.address.removeprefix("/api/v1"), **body)
        else:
            answer = ask(stranger, visit)
        tried += 1
        if answer.status_code != ASKED_FIRST.get(visit.endpoint, 404):
            wrong.append((visit, answer.status_code))
    assert not wrong, wrong
    assert tried > 50
    after = rows(app)
    assert {name for name in before if before[name] != after[name]} == set()


def test_what_is_anothers_looks_like_what_is_not_there(
        app: Flask, estate: Estate, login: Callable[..., Client]) -> None:
    """The answer tells nobody which ids exist."""
    stranger = login()
    nowhere = Estate(values={word: tuple("0" * 32 if word == "mark" else 987_654 for _ in values[:1])
                             if word in OWNED else values[:1] for word, values in estate.values.items()})
    there = {(visit.endpoint, visit.method): visit for visit in estate.visits(app, owned=True) if not is_program(visit)}
    for visit in nowhere.visits(app, owned=True):
        if is_program(visit):
            continue
        missing, others = ask(stranger, visit), ask(stranger, there[visit.endpoint, visit.method])
        assert PASSING.sub("", missing.text) == PASSING.sub("", others.text), visit


def test_it_all_exists_for_its_owner(app: Flask, owner: Client, estate: Estate) -> None:
    """Without this the tests above would pass on addresses that lead nowhere."""
    answered: dict[str, list[int]] = {}
    for visit in estate.visits(app, owned=True):
        if visit.method == "GET" and not is_program(visit):
            answered.setdefault(visit.endpoint, []).append(owner.get(visit.address).status_code)
    assert not {endpoint: codes for endpoint, codes in answered.items() if min(codes) >= 400}
