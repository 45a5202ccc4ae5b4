"""Files that are made in the background: by whom, of what, and for how long they can be fetched."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from openpyxl import load_workbook
from sqlalchemy import select, update

from models.imaging.limits import OUR_OWN
from portal.extensions import db
from portal.services import housekeeping
from portal.services.exports import history
from portal.services.jobs import registry, run
from portal.services.jobs.kinds import report
from portal.services.uploads import Desk
from portal.storage.files import FileStore
from portal.storage.tables.accounts import User
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.cases import CaseReader
from portal.storage.tables.columns import now
from portal.storage.tables.jobs import Job
from portal.views import training_sets
from tests.support import pictures
from tests.support.client import Client
from tests.web.test_cases import open_case
from tests.web.test_images import only, upload


@pytest.fixture
def work(app: Flask) -> Callable[[], None]:
    """Does every job that waits, as a worker would."""
    parts = app.extensions
    store = parts["files"]
    desk = Desk(engine=parts["engine"], store=store, writer=parts["writer"], limits=OUR_OWN)

    def do() -> None:
        with app.app_context():
            while run.run_next(registry.KINDS, desk, parts["settings"], parts["carrier"], "w"):
                pass

    return do


@pytest.fixture
def reader(login: Callable[..., Client]) -> Client:
    """With one case, and one image in it that was read and agreed with."""
    client = login()
    case_id = open_case(client, patient="P-1")
    verdict = only(upload(client, case_id, ("smear.png", pictures.smear())))
    assert client.post(f"/predictions/{verdict['prediction']}/review", {"verdict": "agree"}).status_code == 303
    return client


def fetched(client: Client, asked: str, data: dict[str, str] | None = None) -> Callable[[Callable[[], None]], bytes]:
    def fetch(work: Callable[[], None]) -> bytes:
        answer = client.post(asked, data)
        assert answer.status_code == 303, answer.text
        work()
        assert "Download" in client.get(answer.location).text
        return client.get(f"{answer.location}/file").data

    return fetch


def test_a_history_made_in_the_background_is_the_one_that_is_sent_at_once(
        reader: Client, work: Callable[[], None]) -> None:
    for query in ("", "?q=P-1&reviews=all&since=2026-01-01", "?q=nobody"):
        for form in ("csv", "jsonl"):
            made = fetched(reader, f"/cases/export{query}", {"form": form})(work)
            assert made == reader.get(f"/cases/export.{form}{query}").data
    book = load_workbook(io.BytesIO(fetched(reader, "/cases/export", {"form": "xlsx"})(work)))
    assert book.sheetnames == ["History", "About"]


def test_a_history_holds_what_its_owner_may_see_when_it_is_made(
        app: Flask, reader: Client, login: Callable[..., Client], work: Callable[[], None]) -> None:
    colleague = login("colleague@clinic.example")
    assert reader.post("/cases/1/readers", {"reader": "2"}).status_code == 303
    job = colleague.post("/cases/export", {"form": "jsonl"}).location
    assert reader.post("/cases/1/readers/2/end").status_code == 303
    work()
    assert colleague.get(f"{job}/file").data == b""


@pytest.mark.parametrize("form", ["csv", "jsonl", "xlsx"])
def test_what_was_searched_for_is_forgotten_once_the_history_is_made(
        app: Flask, reader: Client, work: Callable[[], None], form: str) -> None:
    fetched(reader, "/cases/export?q=P-1", {"form": form})(work)
    with app.app_context():
        job = db.session.scalars(select(Job)).one()
        assert (job.state, job.params["cases"]["text"], job.params["form"]) == ("done", "", form)


def test_an_unheard_of_form_is_refused(reader: Client) -> None:
    assert reader.post("/cases/export", {"form": "exe"}).status_code == 400


def test_taking_a_history_away_is_recorded_when_it_is_asked_for(app: Flask, reader: Client) -> None:
    reader.post("/cases/export?q=P-1", {"form": "csv"})
    with app.app_context():
        event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "history.export")).one()
        assert "P-1" not in json.dumps(event.details)


def test_a_history_of_many_answers_is_offered_in_the_background(
        reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 'href="/cases/export.csv"' in reader.get("/cases").text
    monkeypatch.setattr(history, "COUNTED", 0)
    page = reader.get("/cases").text
    assert 'action="/cases/export"' in page
    assert 'action="/cases/export?reviews=all"' in page
    assert 'href="/cases/export.' not in page


def test_a_training_set_is_made_in_the_background(
        reader: Client, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_sets, "MANY_IMAGES", 0)
    assert 'action="/training-sets/leukemia"' in reader.get("/training-sets").text
    made = zipfile.ZipFile(io.BytesIO(fetched(reader, "/training-sets/leukemia")(work)))
    table = next(name for name in made.namelist() if name.endswith(".csv"))
    assert len(list(csv.DictReader(io.StringIO(made.read(table).decode())))) == 1
    assert reader.post("/training-sets/unheard-of").status_code == 404


def test_who_is_no_administrator_any_more_gets_their_own_images_only(
        app: Flask, reader: Client, login: Callable[..., Client], work: Callable[[], None]) -> None:
    chief = login("chief@clinic.example", role="admin")
    job = chief.post("/training-sets/leukemia").location
    with app.app_context():
        db.session.execute(update(User).where(User.email == "chief@clinic.example").values(role="clinician"))
        db.session.commit()
    work()
    made = zipfile.ZipFile(io.BytesIO(chief.get(f"{job}/file").data))
    assert not [name for name in made.namelist() if name.endswith(".png")]


def test_who_is_no_administrator_any_more_does_not_fetch_the_images_of_all(
        app: Flask, reader: Client, login: Callable[..., Client], work: Callable[[], None]) -> None:
    chief = login("chief@clinic.example", role="admin")
    of_all, own = chief.post("/training-sets/leukemia").location, reader.post("/training-sets/leukemia").location
    work()
    assert [chief.get(f"{of_all}/file").status_code, reader.get(f"{own}/file").status_code] == [200, 200]
    with app.app_context():
        db.session.execute(update(User).where(User.email == "chief@clinic.example").values(role="clinician"))
        db.session.commit()
    assert chief.get(f"{of_all}/file").status_code == 404


def test_a_report_of_many_images_is_made_in_the_background(
        reader: Client, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    assert 'href="/cases/1/report.pdf"' in reader.get("/cases/1").text
    monkeypatch.setattr(report, "MANY_IMAGES", 0)
    assert 'action="/cases/1/report"' in reader.get("/cases/1").text
    assert fetched(reader, "/cases/1/report?paper=letter")(work).startswith(b"%PDF")


def test_a_report_that_is_not_there_says_so(reader: Client, work: Callable[[], None]) -> None:
    job = reader.post("/cases/1/report?number=7").location
    work()
    assert "the report is not there" in reader.get(job).text


def test_a_report_is_not_fetched_by_who_does_not_read_the_case_any_more(
        app: Flask, reader: Client, login: Callable[..., Client], work: Callable[[], None]) -> None:
    colleague = login("colleague@clinic.example")
    reader.post("/cases/1/readers", {"reader": "2"})
    job = colleague.post("/cases/1/report").location
    work()
    assert colleague.get(f"{job}/file").status_code == 200
    with app.app_context():
        db.session.execute(CaseReader.__table__.delete().where(CaseReader.user_id == 2))
        db.session.commit()
    assert colleague.get(f"{job}/file").status_code == 404
    assert colleague.post("/cases/1/report").status_code == 404


def test_a_file_is_kept_for_a_week_and_then_deleted(
        app: Flask, reader: Client, work: Callable[[], None]) -> None:
    fetched(reader, "/cases/export", {"form": "csv"})(work)
    store = app.extensions["files"]
    with app.app_context():
        kept = store.bytes_kept()
        assert store.sweep(set(), older_than=10**6) == 0
        assert housekeeping.remove_old_products(store, now()) == 0
        db.session.execute(update(Job).values(ended_at=now() - timedelta(days=8)))
        db.session.commit()
        assert housekeeping.remove_old_products(store, now()) == 1
        assert store.bytes_kept() < kept
        assert housekeeping.remove_old_products(store, now()) == 0
    assert "deleted after 7 days" in reader.get("/jobs/1").text
    assert reader.get("/jobs/1/file").status_code == 404


def test_the_sweeper_spares_what_a_job_made(
        app: Flask, reader: Client, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    fetched(reader, "/cases/export", {"form": "csv"})(work)
    monkeypatch.setattr(FileStore, "sweep", lambda _store, named: len(named))
    with app.app_context():
        assert housekeeping.sweep_files(app.extensions["files"]) == 2, "an image and a file"
