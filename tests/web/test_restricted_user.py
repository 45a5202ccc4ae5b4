"""On MariaDB the pages' user adds to the audit trail and to what readers said, and can do no more to them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError

from portal.app import create_app
from portal.extensions import db
from portal.services import accounts, grants
from portal.services.links import COMMAND_LINE
from portal.storage.schema import KEPT, TRAIL
from portal.storage.tables.accounts import User
from portal.storage.tables.readings import Annotation
from tests.conftest import PASSWORD, make_settings
from tests.support import databases, pictures
from tests.support.authenticator import give_factor
from tests.support.client import Client
from tests.web.test_cases import open_case
from tests.web.test_images import only, upload
from tests.web.test_reports import sign

NAME = f"secondread_grants_{os.getpid()}"
OWNER, WEB = f"sr_owner_{os.getpid()}", f"sr_web_{os.getpid()}"
SECRET = "cellar door 42"
ADMIN = "chief@clinic.example"


def on_server(*statements: str) -> None:
    engine = create_engine(databases.SERVER)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def as_user(name: str) -> str:
    return (make_url(databases.SERVER).set(username=name, password=SECRET, database=NAME)
            .render_as_string(hide_password=False))


@pytest.fixture(scope="module")
def restricted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A portal as docs/deployment.md has it: migrated by one user, served by another."""
    databases.create_mysql(NAME)
    try:
        on_server(*(f"CREATE USER '{user}'@'%' IDENTIFIED BY '{SECRET}'" for user in (OWNER, WEB)),
                  f"GRANT ALL ON `{NAME}`.* TO '{OWNER}'@'%'", f"GRANT USAGE ON *.* TO '{WEB}'@'%'")
        app = create_app(make_settings(tmp_path_factory.mktemp("portal"), as_user(WEB), migration_url=as_user(OWNER)))
        app.config["PROPAGATE_EXCEPTIONS"] = False
        databases.migrate(app)
        on_server(*grants.statements(NAME, WEB, "%"))
        yield app
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
    finally:
        databases.drop_mysql(NAME)
        on_server(*(f"DROP USER IF EXISTS '{user}'@'%'" for user in (OWNER, WEB)))


def test_the_whole_journey_works_for_the_restricted_user(restricted: Flask) -> None:
    with restricted.app_context():
        for email, role in ((ADMIN, "admin"), ("reader@clinic.example", "clinician")):
            accounts.create_account(COMMAND_LINE, email.title(), email, PASSWORD, role=role, approved=True, rounds=4)
        give_factor(restricted, db.session.get_one(User, 1))
        db.session.commit()
    chief, reader = Client(restricted), Client(restricted)
    for client, email in ((chief, ADMIN), (reader, "reader@clinic.example")):
        assert client.post("/login", {"email": email, "password": PASSWORD}).status_code == 303
    case_id = open_case(reader)
    prediction = int(only(upload(reader, case_id, ("one.png", pictures.smear())))["prediction"])
    for url in ("/", "/cases", f"/cases/{case_id}", f"/predictions/{prediction}", "/cases/export.csv",
                f"/cases/{case_id}/report.pdf", "/account"):
        assert reader.get(url).status_code == 200, url
    assert reader.post(f"/predictions/{prediction}/review",
                       {"verdict": "override", "label": "Pro", "reason": "seen"}).status_code == 303
    assert reader.post(f"/cases/{case_id}/readers", {"reader": "1"}).status_code == 303
    assert sign(reader, case_id).status_code == 303
    assert reader.post("/images/1/fields", {"serial": "S-1", "specimen_group": "g"}).status_code == 303
    assert reader.post("/cases/export", {"form": "csv"}).status_code == 303
    assert reader.post("/account/tokens", {"name": "a script"}).status_code in (200, 303)
    assert chief.post("/admin/choices", {"policy": "default"}).status_code == 303
    assert chief.post("/admin/users/2/disable").status_code == 303
    for url in ("/admin/audit", "/admin/audit.csv", "/admin/users", "/admin/system"):
        assert chief.get(url).status_code == 200, url
    with restricted.app_context():
        db.session.add(Annotation(image_id=1, reader_id=2, mark="a" * 32, shape="point", points=[[1, 1]]))
        db.session.commit()
    runner = restricted.test_cli_runner()
    verified = runner.invoke(args=["audit", "verify"])
    assert verified.exit_code == 0, verified.output
    with restricted.app_context():
        filled = {table for table in TRAIL + KEPT if db.session.execute(text(f"SELECT 1 FROM {table} LIMIT 1")).first()}
    assert filled == {*TRAIL, *KEPT}, "a trigger refuses rows, not tables: of each there must be one"


@pytest.mark.parametrize("table", TRAIL + KEPT)
@pytest.mark.parametrize("act", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE TABLE {0}", "DROP TABLE {0}",
                                 "DROP TRIGGER {0}_no_update", "ALTER TABLE {0} ADD COLUMN extra INT"])
def test_the_server_refuses_it_whatever_the_triggers_say(restricted: Flask, table: str, act: str) -> None:
    column = next(iter(db.metadata.tables[table].primary_key.columns)).name
    with restricted.app_context():
        by_trigger = table in KEPT and act.startswith("DELETE")
        with pytest.raises(DatabaseError, match=r"never|only" if by_trigger else r"command denied|Access denied"):
            db.session.execute(text(act.format(table, column)))
        db.session.rollback()


def test_a_start_without_the_other_users_password_changes_nothing_and_works(restricted: Flask, tmp_path: Path) -> None:
    """Only an upgrade needs PORTAL_MIGRATION_URL."""
    served = create_app(make_settings(tmp_path, as_user(WEB)))
    databases.migrate(served)
    assert Client(served).get("/login").status_code == 200
    with served.app_context():
        db.engine.dispose()


def test_a_name_that_would_need_escaping_is_refused() -> None:
    for name in ("web'@'%' IDENTIFIED BY 'x", "", "a b", "a`b"):
        with pytest.raises(ValueError, match="only letters"):
            grants.statements("secondread", name, "%")


def test_every_table_is_granted_and_the_trail_least() -> None:
    told = grants.statements("secondread", "web", "10.0.0.%")
    assert len(told) == len(db.metadata.tables) + 1
    for table in TRAIL:
        line, = [one for one in told if f"`{table}`" in one]
        assert line == f"GRANT SELECT, INSERT ON `secondread`.`{table}` TO 'web'@'10.0.0.%';"
