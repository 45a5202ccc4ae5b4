"""Deleting a case in the browser, and an upload that meets it."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.datastructures import FileStorage

from portal.extensions import db
from portal.services import audit, deletions, keeping
from portal.services.deletions import Person, Shelf
from portal.storage.incoming import Incoming
from portal.storage.tables.accounts import User
from portal.storage.tables.cases import Case, Image
from portal.storage.tables.columns import now
from tests.support.client import Client
from tests.support.pictures import smear

ADMIN = "admin@clinic.example"


@pytest.fixture
def admin(login: Callable[..., Client]) -> Client:
    return login(ADMIN, "admin")


def open_case(client: Client, patient: str = "P-0117") -> int:
    location = client.post("/cases/new", {"patient": patient, "specimen": "blood"}).location
    return int(location.rpartition("/")[2])


def propose(client: Client, case_id: int, reason: str = "Opened by mistake") -> str:
    return str(client.post(f"/cases/{case_id}/deletion", {"reason": reason}).location)


def test_one_proposes_another_confirms_and_the_case_is_gone(admin: Client, login: Callable[..., Client]) -> None:
    reader = login()
    case_id = open_case(reader)
    page = propose(reader, case_id)
    assert "is proposed" in reader.get(f"/cases/{case_id}").text
    assert "Delete the case for good" not in reader.get(page).text
    assert "not the number" in admin.post(f"{page}/confirm", {"number": case_id + 1}).text
    assert admin.post(f"{page}/confirm", {"number": case_id}).status_code == 303
    assert reader.get(f"/cases/{case_id}").status_code == 404
    told = admin.get(page).text
    assert "What there was" in told
    assert "P-0117" not in told + admin.get("/admin/deletions").text


def test_a_stranger_sees_no_proposal_and_proposes_nothing(
        admin: Client, login: Callable[..., Client]) -> None:
    case_id = open_case(admin)
    page = propose(admin, case_id)
    stranger = login("stranger@clinic.example")
    for answer in (stranger.get(page), stranger.post(f"{page}/confirm", {"number": case_id}),
                   stranger.post(f"{page}/withdraw"), stranger.get(f"/cases/{case_id}/deletion"),
                   stranger.post(f"/cases/{case_id}/deletion", {"reason": "x"})):
        assert answer.status_code == 404
    assert admin.get(f"/cases/{case_id}").status_code == 200


def test_an_administrator_proposes_without_seeing_the_patient(admin: Client, login: Callable[..., Client]) -> None:
    case_id = open_case(login(), "Zebra-4711")
    assert "Zebra" not in admin.get(f"/cases/{case_id}/deletion").text
    assert "Zebra" not in admin.get(propose(admin, case_id)).text


def test_a_proposal_can_be_withdrawn(admin: Client, login: Callable[..., Client]) -> None:
    reader = login()
    page = propose(reader, case_id := open_case(reader))
    assert admin.post(f"{page}/withdraw").status_code == 303
    assert "Withdrawn" in reader.get(page).text
    assert reader.get(f"/cases/{case_id}").status_code == 200


def test_what_is_older_than_the_period_is_listed_and_proposed_together(app: Flask, admin: Client) -> None:
    assert "No retention period" in admin.get("/admin/retention").text
    old, young = open_case(admin), open_case(admin)
    with app.app_context():
        db.session.get_one(Case, old).created_at = now() - timedelta(days=400)
        db.session.commit()
    admin.post("/admin/settings", {"registration": "y", "retention": "12", "mask": ""})
    page = admin.get("/admin/retention").text
    assert 'action="/admin/retention?page=1"' in page, "what was ticked comes back on the page where it was"
    assert f"Case {old}<" in page
    assert f"Case {young}<" not in page
    assert admin.post("/admin/retention", {"reason": "", "case": old}).status_code == 400
    assert admin.post("/admin/retention", {"reason": "Ten years are over", "case": old}).status_code == 303
    assert "Ten years are over" in admin.get("/admin/deletions").text
    assert f"Case {old}<" not in admin.get("/admin/retention").text


def test_an_upload_into_a_case_that_goes_meanwhile_fails_in_words_and_leaves_nothing(
        app: Flask, admin: Client, login: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    reader = login()
    case_id = open_case(reader)
    page = propose(reader, case_id)
    write = keeping.write_image

    def gone_meanwhile(*args: object, **kwargs: object) -> Image:
        image = write(*args, **kwargs)  # type: ignore[arg-type]
        # From another thread, as another request: with a transaction of its own.
        other = threading.Thread(target=lambda: answers.append(admin.post(f"{page}/confirm", {"number": case_id})))
        other.start()
        other.join()
        return image

    answers: list[object] = []
    monkeypatch.setattr(keeping, "write_image", gone_meanwhile)
    sent = [FileStorage(io.BytesIO(smear()), filename="a.png")]
    answer = reader.post(f"/cases/{case_id}/images", {"model": "leukemia", "images": sent},
                         content_type="multipart/form-data", headers={"Accept": "application/json"})
    assert [one.status_code for one in answers] == [303], answer.text  # type: ignore[attr-defined]
    assert answer.status_code == 422, answer.text
    assert "deleted while" in answer.json["files"][0]["reason"]  # type: ignore[index]
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Image)) == 0
        assert app.extensions["files"].bytes_kept() == 0


def test_while_uploads_pour_in_a_case_goes_wholly(app: Flask, admin: Client) -> None:
    """Rows and files in step, whoever was first."""
    with app.app_context():
        case_id = open_case(admin)
        second = Person(id=make_admin("second@clinic.example"), administers=True)
        proposal = deletions.propose(audit.Actor(user_id=1), Person(id=1, administers=True), case_id, "Old")
    begun, said = threading.Event(), []

    def upload(number: int) -> None:
        with app.app_context():
            for turn in range(4):
                row = Image(case_id=case_id, sha256=f"{number}-{turn}", name="a.png", content_type="image/png",
                            stored_as=app.extensions["files"].put(b"image", ".png"), format="png", width=1, height=1,
                            size=5)
                name = row.stored_as
                try:
                    db.session.add(row)
                    db.session.commit()
                    said.append("kept")
                except Exception as problem:
                    db.session.rollback()
                    app.extensions["files"].delete(name)
                    said.append(type(problem).__name__)
                begun.set()

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(3)]
    for one in threads:
        one.start()
    begun.wait()
    with app.app_context():
        shelf = Shelf(store=app.extensions["files"], incoming=Incoming(app.extensions["settings"].incoming))
        deletions.confirm(audit.Actor(user_id=second.id), second, proposal, str(case_id), shelf)
    for one in threads:
        one.join()
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Image)) == 0
        assert app.extensions["files"].bytes_kept() == 0
    assert set(said) <= {"kept", "IntegrityError"}


def make_admin(email: str) -> int:
    user = User(email=email, name="Second", role="admin", status="approved", password_hash="")
    db.session.add(user)
    db.session.commit()
    return user.id
