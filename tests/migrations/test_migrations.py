"""Every migration: up, down, up again, with rows in the tables; and the head equals the tables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import inspect, text
from sqlalchemy.exc import DatabaseError

from portal.app import create_app
from portal.extensions import db
from portal.storage.tables import AuditEvent, Case, Image, OneTimeLink, Prediction, Review, User, UserSession, now
from tests.conftest import make_settings
from tests.support import databases

SCRATCH = f"secondread_migrations_{os.getpid()}"
ADDED_ONLY = ("predictions", "reviews", "audit_events")


@pytest.fixture(params=["sqlite", "mysql"])
def empty_app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """A portal whose database has no table at all."""
    url = databases.create_mysql(SCRATCH) if request.param == "mysql" else ""
    app = create_app(make_settings(tmp_path, url))
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    if url:
        databases.drop_mysql(SCRATCH)


def fill_tables() -> None:
    """One row in each table that first light brought."""
    user = User(email="a@clinic.example", name="Ä. Ünal 漢字 🩸", password_hash="x", role="clinician",
                status="approved")
    db.session.add(user)
    db.session.flush()
    case = Case(owner_id=user.id, patient="P-1", specimen="blood", note="")
    db.session.add_all([case, UserSession(token_hash="t" * 64, user_id=user.id), AuditEvent(action="test"),
                        OneTimeLink(token_hash="l" * 64, purpose="reset", user_id=user.id, expires_at=now())])
    db.session.flush()
    image = Image(case_id=case.id, sha256="0" * 64, name="a.png", stored_as="f.png", content_type="image/png",
                  format="PNG", width=1, height=1, size=1)
    db.session.add(image)
    db.session.flush()
    prediction = Prediction(image_id=image.id, model="leukemia", version="1", weights_sha256="w" * 64,
                            outcome="scored", label="Pre", scores={"Pre": 1.0}, findings=[], ms=3.25)
    db.session.add(prediction)
    db.session.flush()
    db.session.add(Review(prediction_id=prediction.id, reader_id=user.id, verdict="agree", label="Pre"))
    db.session.commit()


def table_names() -> set[str]:
    return set(inspect(db.engine).get_table_names()) - {"alembic_version"}


def test_up_down_and_up_again_with_rows_in_the_tables(empty_app: Flask) -> None:
    databases.migrate(empty_app)
    with empty_app.app_context():
        fill_tables()
        assert db.session.query(User).one().name == "Ä. Ünal 漢字 🩸"
        db.session.remove()
    databases.migrate(empty_app, "base")
    with empty_app.app_context():
        assert table_names() == set()
    databases.migrate(empty_app)
    with empty_app.app_context():
        assert table_names() == set(db.metadata.tables)
        fill_tables()


def test_the_head_equals_the_tables(empty_app: Flask) -> None:
    databases.migrate(empty_app)
    with empty_app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, db.metadata) == []


def test_migrating_twice_changes_nothing(empty_app: Flask) -> None:
    databases.migrate(empty_app)
    with empty_app.app_context():
        fill_tables()
    databases.migrate(empty_app)
    with empty_app.app_context():
        assert db.session.query(Prediction).one().label == "Pre"


@pytest.mark.parametrize("table", ADDED_ONLY)
@pytest.mark.parametrize("statement", ["UPDATE {0} SET id = id + 100", "DELETE FROM {0}"])
def test_the_database_itself_refuses_to_change_what_is_only_added(
        empty_app: Flask, table: str, statement: str) -> None:
    databases.migrate(empty_app)
    with empty_app.app_context():
        fill_tables()
        with pytest.raises(DatabaseError, match="never changed or deleted"):
            db.session.execute(text(statement.format(table)))
        db.session.rollback()


def test_sqlite_checks_foreign_keys_and_writes_ahead(tmp_path: Path) -> None:
    app = create_app(make_settings(tmp_path))
    with app.app_context(), db.engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    with app.app_context():
        db.engine.dispose()
