"""No form and no body of the API writes a column that it does not offer: every route is sent every column there is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import DateTime, select

from portal.extensions import db
from portal.storage.tables.accounts import User
from tests.support.client import Client
from tests.support.estate import ENDS_LOGINS, PLAUSIBLE, Estate
from tests.support.programs import Program, make_token

NUMBER, WORD, MOMENT = 424_242, "424242", "2001-02-03T04:05:06"
OURS = {"subject", "details", "content", "action"}
"""Columns of the trail and of drafts, which may say what was asked."""

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def every_column(app: Flask) -> dict[str, str]:
    with app.app_context():
        return {column.name: MOMENT if isinstance(column.type, DateTime) else WORD
                for table in db.metadata.sorted_tables for column in table.columns}


def written(app: Flask) -> list[str]:
    """Where in the database one of the planted values stands."""
    planted = (NUMBER, WORD, datetime.fromisoformat(MOMENT))
    with app.app_context():
        return [f"{table.name}.{column.name}" for table in db.metadata.sorted_tables for column in table.columns
                if column.name not in OURS
                for value in db.session.scalars(select(column)) if value in planted]


def test_no_route_writes_what_it_does_not_offer(
        app: Flask, owner: Client, estate: Estate, login: Callable[..., Client]) -> None:
    program = Program(app, make_token(app, 1))
    offered = {**every_column(app), **PLAUSIBLE}
    for visit in estate.visits(app, owned=False):
        if visit.method == "GET" or visit.endpoint.endswith(ENDS_LOGINS):
            continue
        if visit.endpoint.startswith("api."):
            body = {"data" if visit.endpoint == "api.image_create" else "json": offered}
            answer = program.ask(visit.method, visit.address.removeprefix("/api/v1"), **body)
        else:
            answer = owner.post(visit.address, offered)
        assert answer.status_code < 500, (visit, answer.text)
    assert written(app) == []
    with app.app_context():
        owner_row = db.session.get_one(User, 1)
        assert (owner_row.role, owner_row.status, owner_row.email) == ("clinician", "approved", "owner@clinic.example")
        registered = db.session.scalars(select(User).where(User.id != 1)).all()
        assert {(one.role, one.status) for one in registered} <= {("clinician", "waiting")}
