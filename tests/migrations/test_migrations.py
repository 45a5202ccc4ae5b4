"""Every migration: up, down, up again, with rows in the tables; and the head equals the tables."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from PIL import Image as PillowImage
from sqlalchemy import MetaData, inspect, select, text
from sqlalchemy.exc import DatabaseError

from portal.app import create_app
from portal.extensions import db
from portal.storage.tables.accounts import OneTimeLink, User, UserSession
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.cases import Case, Image
from portal.storage.tables.columns import now
from portal.storage.tables.readings import Annotation, Prediction, Report, Review
from tests.conftest import make_settings
from tests.support import databases

ADDED_ONLY = ("predictions", "reviews", "annotations", "reports", "audit_events")


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
    db.session.add(Annotation(image_id=image.id, reader_id=user.id, mark="m" * 32, shape="point", points=[[1, 2]]))
    db.session.add(Report(case_id=case.id, number=1, signed_by=user.id, content={"format": 1}, sha256="r" * 64))
    db.session.commit()


def table_names() -> set[str]:
    return set(inspect(db.engine).get_table_names()) - {"alembic_version"}


def indexes(app: Flask, table: str) -> set[tuple[str | None, ...]]:
    """The columns of each, after its name."""
    with app.app_context():
        return {(one["name"], *one["column_names"]) for one in inspect(db.engine).get_indexes(table)}


def test_up_down_and_up_again_with_rows_in_the_tables(bare: Flask) -> None:
    databases.migrate(bare)
    with bare.app_context():
        fill_tables()
        assert db.session.query(User).one().name == "Ä. Ünal 漢字 🩸"
        db.session.remove()
    databases.undo(bare)
    with bare.app_context():
        assert table_names() == set()
    databases.migrate(bare)
    with bare.app_context():
        assert table_names() == set(db.metadata.tables)
        fill_tables()


def test_the_head_equals_the_tables(bare: Flask) -> None:
    databases.migrate(bare)
    with bare.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, db.metadata) == []


def test_undoing_goes_on_over_an_image_of_several_gb(bare: Flask) -> None:
    """MariaDB takes no change of a table back: one that stops half-way has lost the tables of those before."""
    databases.migrate(bare)
    with bare.app_context():
        fill_tables()
        db.session.scalars(select(Image)).one().size = 5_000_000_000
        db.session.commit()
    databases.undo(bare, "0003")
    databases.migrate(bare)
    with bare.app_context():
        assert db.session.scalars(select(Image)).one().size == 5_000_000_000


def test_an_index_that_was_undone_is_made_again_and_leaves_none_beside_it(bare: Flask) -> None:
    """MariaDB wants one for the reference meanwhile; left behind, it would stop the next downgrade."""
    databases.migrate(bare)
    before = indexes(bare, "work_items")
    for _ in range(2):
        databases.undo(bare, "0011")
        databases.migrate(bare)
        assert indexes(bare, "work_items") == before


def test_migrating_twice_changes_nothing(bare: Flask) -> None:
    databases.migrate(bare)
    with bare.app_context():
        fill_tables()
    databases.migrate(bare)
    with bare.app_context():
        assert db.session.query(Prediction).one().label == "Pre"


@pytest.mark.parametrize("table", ADDED_ONLY)
@pytest.mark.parametrize("statement", ["UPDATE {0} SET id = id + 100", "DELETE FROM {0}"])
def test_the_database_itself_refuses_to_change_what_is_only_added(
        bare: Flask, table: str, statement: str) -> None:
    databases.migrate(bare)
    with bare.app_context():
        fill_tables()
        with pytest.raises(DatabaseError, match="never changed or deleted"):
            db.session.execute(text(statement.format(table)))
        db.session.rollback()


def fill_first_light(app: Flask, heat: object) -> None:
    """Rows as version 0001 kept them: one prediction with a heat map, one without, one review."""
    with app.app_context(), db.engine.begin() as connection:
        old = MetaData()
        old.reflect(connection)

        def add(table: str, /, **values: object) -> None:
            moments = [column.name for column in old.tables[table].columns if column.name.endswith("_at")]
            connection.execute(old.tables[table].insert().values({**dict.fromkeys(moments, now()), **values}))

        add("users", id=1, email="a@clinic.example", name="A", password_hash="x", role="clinician", status="approved")
        add("cases", id=1, owner_id=1, patient="P-1", specimen="blood", note="")
        add("images", id=1, case_id=1, sha256="0" * 64, name="a.png", stored_as="f.png", content_type="image/png",
            format="png", width=1, height=1, size=1)
        said = {"image_id": 1, "version": "1", "weights_sha256": "w" * 64, "outcome": "scored", "reason": "",
                "label": "Pre", "scores": {"Pre": 1.0}, "findings": [], "ms": 1.0}
        if not app.extensions["settings"].database_url.startswith("sqlite"):  # MariaDB reflects JSON as text
            said, heat = ({name: json.dumps(held) if name in ("scores", "findings") else held
                           for name, held in said.items()}, json.dumps(heat))
        add("predictions", id=1, model="with", heatmap=heat, **said)
        add("predictions", id=2, model="without", **said)
        add("reviews", id=1, prediction_id=1, reader_id=1, verdict="agree", label="Pre", reason="")


def test_heat_maps_of_the_first_version_are_converted_and_come_back(bare: Flask) -> None:
    heat = [[0.0, 0.25, 1.0], [0.5, 0.75, 0.125]]
    databases.migrate(bare, "0001")
    fill_first_light(bare, heat)
    databases.migrate(bare)
    with bare.app_context():
        first, second = db.session.scalars(select(Prediction).order_by(Prediction.id))
        assert first.layers is not None
        assert (first.layers[0]["name"], first.layers[0]["kind"]) == ("heatmap", "heat")
        shown = PillowImage.open(io.BytesIO(base64.b64decode(first.layers[0]["png"])))
        assert (shown.mode, shown.size) == ("L", (3, 2))
        assert list(shown.tobytes()) == [round(value * 255) for row in heat for value in row]
        assert (second.layers, second.evidence, second.demonstration) == (None, None, "")
        assert first.reviews[0].label == "Pre"
        for statement in ("UPDATE predictions SET ms = 2", "DELETE FROM predictions"):
            with pytest.raises(DatabaseError, match="never changed or deleted"):
                db.session.execute(text(statement))
            db.session.rollback()
        db.session.remove()
    databases.undo(bare, "0001")
    with bare.app_context():
        back = [held and json.loads(held)
                for held in db.session.scalars(text("SELECT heatmap FROM predictions ORDER BY id"))]
        assert back[1] is None
        assert [[pytest.approx(value, abs=0.003) for value in row] for row in heat] == back[0]
        with pytest.raises(DatabaseError, match="never changed or deleted"):
            db.session.execute(text("UPDATE predictions SET ms = 2"))
        db.session.rollback()


def test_lists_of_predictions_do_not_load_their_pictures(bare: Flask) -> None:
    databases.migrate(bare)
    with bare.app_context():
        fill_tables()
        prediction = db.session.scalars(select(Prediction).execution_options(populate_existing=True)).one()
        assert {"layers", "evidence"} <= inspect(prediction).unloaded


def test_sqlite_checks_foreign_keys_and_writes_ahead(tmp_path: Path) -> None:
    app = create_app(make_settings(tmp_path))
    with app.app_context(), db.engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    with app.app_context():
        db.engine.dispose()
