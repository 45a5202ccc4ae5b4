"""The audit list walks an index in the order of time: no filter makes the database sort or read the whole table."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import insert

from portal.extensions import db
from portal.storage import audit_events
from portal.storage.audit_events import EventFilter, Spot
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.columns import now
from tests.support.statements import plan, statements

FILTERS = {
    "none": (EventFilter(), "ix_audit_events_at"),
    "person": (EventFilter(person=1), "ix_audit_events_actor"),
    "action": (EventFilter(action="case.view"), "ix_audit_events_action"),
    "subject": (EventFilter(subject="case:7"), "ix_audit_events_subject"),
    "days": (EventFilter(since=date(2020, 1, 1), until=date(2100, 1, 1)), "ix_audit_events_at"),
    "text": (EventFilter(text="needle"), "ix_audit_events_at"),
    "person and days": (EventFilter(person=1, since=date(2020, 1, 1)), "ix_audit_events_actor"),
}


@pytest.fixture
def filled(app: Flask, make_user: object) -> Flask:
    make_user()  # type: ignore[operator]
    moment = now()
    with app.app_context():
        db.session.execute(insert(AuditEvent), [
            {"at": moment + timedelta(seconds=number), "actor_id": 1 if number % 40 == 0 else None, "address": "",
             "action": "case.view" if number % 40 == 1 else "image.view", "subject": f"case:{number}", "details": {}}
            for number in range(3000)])
        db.session.commit()
        db.session.connection().exec_driver_sql("ANALYZE" if db.engine.dialect.name == "sqlite"
                                                else "ANALYZE TABLE audit_events")
        db.session.commit()
    return app


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("name", FILTERS)
def test_a_page_is_a_walk_along_an_index(filled: Flask, name: str, deep: bool) -> None:
    wanted, index = FILTERS[name]
    before = Spot(at=now() + timedelta(seconds=2900), id=2900) if deep else None
    with filled.app_context():
        with statements() as asked:
            audit_events.walk(wanted, before, 50)
        walks = [one for one in asked if "FROM audit_events" in one[0]]
        assert walks
        for statement, values in walks:
            assert "LIMIT" in statement
            steps = plan(statement, values)
            assert any(index in step for step in steps), steps
            assert not any(step.startswith("SCAN audit_events") and "INDEX" not in step for step in steps), steps
            if not wanted.text:  # which sorts the few that it finds
                assert not any("TEMP B-TREE" in step or "filesort" in step for step in steps), steps


def test_the_actions_are_found_without_reading_the_table(filled: Flask) -> None:
    with filled.app_context(), statements() as asked:
        assert audit_events.list_actions() == ["case.view", "image.view"]
    assert len(asked) == 3
