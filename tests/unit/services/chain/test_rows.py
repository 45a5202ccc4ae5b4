"""The canonical form: the same before and after the database, and different for whatever differs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from portal.extensions import db
from portal.services import audit
from portal.services.chain import keeper, rows
from portal.storage.tables.administration import AuditEvent
from tests.unit.services.chain.made import KEYS, row

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
JSON = st.recursive(st.none() | st.booleans() | st.integers(-2**53, 2**53) | st.floats(allow_nan=False,
                    allow_infinity=False) | TEXT, lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8)


def test_the_documented_form() -> None:
    one = replace(row(1), details={"b": 1, "a": "漢字 é"}, actor_id=None)
    assert rows.canonical(one) == (
        b'["secondread-audit-1","2026-11-21T12:00:01.000005",null,"192.0.2.1","case.create","case:1",'
        b'{"a":"\\u6f22\\u5b57 \\u00e9","b":1}]')


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(details=st.dictionaries(st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=1, max_size=8), JSON,
                               max_size=3), subject=TEXT)
def test_an_event_is_signed_as_it_comes_back(app: Flask, details: dict[str, Any], subject: str) -> None:
    details.pop("actor", None), details.pop("action", None), details.pop("subject", None)
    with app.app_context():
        audit.record(audit.Actor(address="2001:db8::1"), "test", subject, **details)
        db.session.commit()
        held = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
        assert held is not None
        db.session.refresh(held)
        back = rows.Row(**{name: getattr(held, name) for name in rows.Row.__dataclass_fields__})
        assert rows.is_signed(back, keeper.keys().current)


def test_equal_events_are_signed_differently() -> None:
    one = row(1)
    assert one.mac is not None
    assert one.mac != row(1).mac
    assert rows.is_signed(one, KEYS.current)


def test_what_is_no_json_is_refused(app: Flask) -> None:
    with app.app_context(), pytest.raises((TypeError, ValueError)):
        audit.record(audit.Actor(), "test", at_=float("nan"))


def test_a_key_is_not_told_by_its_name_or_its_repr() -> None:
    assert KEYS.current.secret.hex() not in repr(KEYS.current)
    assert not KEYS.current.secret.hex().startswith(KEYS.current.name)
