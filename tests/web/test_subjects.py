"""All that is held about one pseudonym: found exactly, handed over whole, proposed for deletion."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.datastructures import FileStorage

from portal.extensions import db
from portal.services.jobs import registry, run
from portal.services.uploads import Desk
from portal.storage.tables.accounts import User
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.jobs import Job
from portal.views import wiring
from tests.support.client import Client
from tests.support.pictures import smear
from tests.support.programs import Program, make_token

PSEUDONYM = "Zebra-4711"


@pytest.fixture
def admin(login: Callable[..., Client]) -> Client:
    return login("admin@clinic.example", "admin")


def open_case(client: Client, patient: str = PSEUDONYM, **more: str) -> int:
    location = client.post("/cases/new", {"patient": patient, "specimen": "blood", **more}).location
    return int(location.rpartition("/")[2])


def upload(client: Client, case_id: int) -> None:
    sent = [FileStorage(io.BytesIO(smear()), filename="a.png")]
    answer = client.post(f"/cases/{case_id}/images", {"model": "leukemia", "images": sent},
                         content_type="multipart/form-data", headers={"Accept": "application/json"})
    assert answer.status_code == 201, answer.text


def work(app: Flask) -> None:
    with app.test_request_context():
        desk: Desk = wiring.desk()
        run.run_next(registry.KINDS, desk, wiring.settings(), wiring.carrier(), "w")


def test_the_export_holds_all_and_names_no_pseudonym_outside(
        app: Flask, admin: Client, login: Callable[..., Client]) -> None:
    reader, other = login(), login("other@clinic.example")
    mine, theirs, another = open_case(reader), open_case(other), open_case(reader, "zebra-4711")
    upload(reader, mine)
    page = admin.post("/admin/pseudonym", {"patient": PSEUDONYM}).text
    assert f"Case {mine}<" in page
    assert f"Case {theirs}<" in page
    assert f"Case {another}<" not in page
    job = admin.post("/admin/pseudonym/export", {"patient": PSEUDONYM}).location
    work(app)
    answer = admin.get(f"{job}/file")
    assert answer.status_code == 200, admin.get(job).text
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        names = archive.namelist()
        assert sum(name.startswith(f"case-{mine}/images/") for name in names) == 1
        said = json.loads(archive.read(next(name for name in names if "/predictions/" in name)))
        assert said["model"] == "leukemia"
        assert PSEUDONYM in archive.read("INDEX.txt").decode()
        assert json.loads(archive.read(f"case-{theirs}/case.json"))["patient"] == PSEUDONYM
        events = [json.loads(line) for line in archive.read(f"case-{mine}/audit.jsonl").decode().splitlines()]
        assert {"case.create", "image.read", "case.export-all"} <= {one["action"] for one in events}
    assert reader.get(f"{job}/file").status_code == 404
    with app.app_context():
        told = [str(row.details) for row in db.session.scalars(select(AuditEvent))]
        told += [f"{one.title} {one.params} {one.result}" for one in db.session.scalars(select(Job))]
    assert not [one for one in told if PSEUDONYM in one]


def test_who_is_no_administrator_any_more_does_not_fetch_it(
        app: Flask, admin: Client, login: Callable[..., Client]) -> None:
    open_case(login())
    job = admin.post("/admin/pseudonym/export", {"patient": PSEUDONYM}).location
    work(app)
    with app.app_context():
        chief = db.session.scalars(select(User).where(User.role == "admin")).one()
        chief_id, chief.role = chief.id, "clinician"
        db.session.commit()
    program = Program(app, make_token(app, chief_id))
    page = admin.get(job)
    assert (page.status_code, f"{job}/file" in page.text) == (200, False)
    assert "Only an administrator may fetch this file." in page.text
    assert admin.get(f"{job}/file").status_code == 404
    assert program.get(f"{job}/file").status_code == 404
    with app.app_context():
        db.session.get_one(User, chief_id).role = "admin"
        db.session.commit()
    assert admin.get(f"{job}/file").status_code == 200
    assert program.get(f"{job}/file").status_code == 200


def test_looking_for_a_pseudonym_is_recorded_with_how_many_were_found_and_without_it(
        app: Flask, admin: Client, login: Callable[..., Client]) -> None:
    reader = login()
    found = [open_case(reader), open_case(reader)]
    for typed in (PSEUDONYM, "Nobody-0"):
        admin.post("/admin/pseudonym", {"patient": typed})
    with app.app_context():
        events = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "pseudonym.search")
                                    .order_by(AuditEvent.id)).all()
        assert [(one.actor_id, one.subject, one.details) for one in events] == [
            (1, "", {"found": 2, "cases": found}), (1, "", {"found": 0, "cases": []})]


def test_an_administrator_who_reads_blind_is_not_told_by_the_export(app: Flask, admin: Client) -> None:
    case_id = open_case(admin, asked="yes", blind="y")
    upload(admin, case_id)
    answer = admin.post("/admin/pseudonym/export", {"patient": PSEUDONYM})
    assert answer.location == "/admin/pseudonym"
    assert "blind" in admin.get("/admin/pseudonym").text
    with app.app_context():
        assert db.session.scalars(select(Job)).all() == []


def test_its_deletion_is_proposed_for_every_case(admin: Client, login: Callable[..., Client]) -> None:
    reader = login()
    first, second, other = open_case(reader), open_case(reader), open_case(reader, "P-1")
    refused = admin.post("/admin/pseudonym/deletion", {"patient": PSEUDONYM, "reason": f"{PSEUDONYM} asked"})
    assert refused.status_code == 400
    assert admin.post("/admin/pseudonym/deletion", {"patient": PSEUDONYM, "reason": "Asked for"}).status_code == 303
    page = admin.get("/admin/deletions").text
    assert f"Case {first}<" in page
    assert f"Case {second}<" in page
    assert f"Case {other}<" not in page


def test_what_nobody_has_is_said_so(admin: Client) -> None:
    assert "no case of exactly" in admin.post("/admin/pseudonym", {"patient": "Nobody-1"}).text
    assert admin.post("/admin/pseudonym/export", {"patient": "Nobody-1"}).location == "/admin/pseudonym"
