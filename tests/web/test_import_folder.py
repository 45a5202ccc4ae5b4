"""The import folder: offered, watched, never emptied, and never left through a link."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from config import Settings
from portal.extensions import db
from portal.services.slides import folder as import_folder
from portal.services.slides.watch import Watcher
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.cases import Image
from portal.storage.tables.jobs import Job
from tests.support.client import Client
from tests.support.rights import bound_by_modes
from tests.support.slides import slide, work
from tests.web.test_cases import open_case
from tests.web.test_deliveries import deliver


@pytest.fixture
def folder(app: Flask, settings: Settings, tmp_path: Path) -> Path:
    """The folder of case 1 in an import folder that the portal knows."""
    found = tmp_path / "scanner" / "case-1"
    found.mkdir(parents=True)
    app.extensions["settings"] = replace(settings, import_folder=found.parent)
    return found


@pytest.fixture
def reader(folder: Path, login: Callable[..., Client]) -> Client:
    client = login()
    open_case(client)
    return client


def look(app: Flask, times: int, watcher: Watcher | None = None) -> Watcher:
    watcher = watcher or Watcher(app.extensions["settings"], app.extensions["carrier"])
    with app.app_context():
        for _ in range(times):
            watcher.look()
    return watcher


def jobs(app: Flask) -> int:
    with app.app_context():
        return len(db.session.scalars(select(Job)).all())


def test_a_file_is_taken_in_when_two_looks_found_it_the_same(app: Flask, reader: Client, folder: Path) -> None:
    path = folder / "a.svs"
    path.write_bytes(slide()[:1000])
    watcher = look(app, 1)
    path.write_bytes(slide())

    look(app, 1, watcher)
    assert jobs(app) == 0
    look(app, 3, watcher)

    assert jobs(app) == 1
    work(app)
    with app.app_context():
        image = db.session.scalar(select(Image))
        assert image is not None
        assert (image.kind, image.case_id, image.name) == ("slide", 1, "a.svs")
        assert db.session.scalar(select(AuditEvent.actor_id).where(AuditEvent.action == "slide.from-folder")) == 1
    assert path.is_file()


def test_what_was_taken_in_is_not_taken_in_again(app: Flask, reader: Client, folder: Path) -> None:
    (folder / "a.svs").write_bytes(slide())
    look(app, 3)
    work(app)

    look(app, 3)

    assert jobs(app) == 1
    assert "In the import folder" not in reader.get("/cases/1").text


def test_a_reader_may_take_it_in_at_once(app: Flask, reader: Client, folder: Path) -> None:
    (folder / "a.svs").write_bytes(slide())
    assert "In the import folder" in reader.get("/cases/1").text

    reader.post("/cases/1/folder", {"file": "a.svs"})
    look(app, 3)

    assert jobs(app) == 1


@pytest.mark.parametrize("name", ["b.svs", "../case-1/a.svs", "", "/etc/passwd"])
def test_only_what_lies_there_can_be_taken(app: Flask, reader: Client, folder: Path, name: str) -> None:
    (folder / "a.svs").write_bytes(slide())

    assert reader.post("/cases/1/folder", {"file": name}).status_code == 303
    assert jobs(app) == 0


def test_links_are_not_followed(app: Flask, reader: Client, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.svs").write_bytes(slide())
    (folder / "link.svs").symlink_to(outside / "secret.svs")
    (folder.parent / "case-2").symlink_to(outside)
    open_case(reader)

    look(app, 3)

    assert jobs(app) == 0
    assert "secret.svs" not in reader.get("/cases/2").text


def test_a_folder_of_no_case_is_passed_over(app: Flask, reader: Client, folder: Path) -> None:
    (folder.parent / "case-77").mkdir()
    (folder.parent / "case-77" / "a.svs").write_bytes(slide())

    look(app, 3)

    assert jobs(app) == 0


def test_the_same_bytes_are_the_existing_record(app: Flask, reader: Client, folder: Path) -> None:
    deliver(reader, 1, slide())
    work(app)
    (folder / "copy.svs").write_bytes(slide())
    look(app, 3)

    work(app)

    with app.app_context():
        assert len(db.session.scalars(select(Image)).all()) == 1


def test_a_file_that_is_taken_away_meanwhile_ends_its_job_with_a_reason(
        app: Flask, reader: Client, folder: Path) -> None:
    (folder / "a.svs").write_bytes(slide())
    look(app, 3)
    (folder / "a.svs").unlink()

    work(app)

    with app.app_context():
        job = db.session.scalar(select(Job))
        assert job is not None
        assert job.state == "failed"
        assert "no longer in the import folder" in job.reason


@pytest.mark.parametrize("name", ["Zebra, Anna.svs", "born 07.03.1951.ome.tiff", "756.1234.5678.97.ndpi"])
def test_a_name_that_may_be_a_patients_waits_until_a_reader_has_looked_at_it(
        app: Flask, reader: Client, folder: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "portal")
    (folder / name).write_bytes(slide())
    (folder / "K-4711 slide 2.svs").write_bytes(slide(seed=2))
    watcher = look(app, 3)
    assert jobs(app) == 1, "what looks like nobody's name is taken in as ever"

    page = reader.get("/cases/1").text
    assert page.count("Does this name tell who the patient is?") == 1
    assert "It waits for you" in page
    reader.post("/cases/1/folder", {"file": name})
    reader.post("/cases/1/folder", {"file": name, "sure": "K-4711 slide 2.svs"})
    assert "Nothing was taken in" in reader.get("/cases/1").text
    assert jobs(app) == 1

    look(app, 2, watcher)
    reader.post("/cases/1/folder", {"file": name, "sure": name})

    assert jobs(app) == 2
    told = [one.getMessage() for one in caplog.records if "waits in the import folder" in one.getMessage()]
    assert len(told) == 1, "once, and not at every look"
    assert name not in told[0]
    with app.app_context():
        kept = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "slide.from-folder")
                                  .order_by(AuditEvent.id)).all()
        assert ["looks_like" in one.details for one in kept] == [False, True]
        assert name not in str([one.details for one in kept])


def test_a_renamed_file_is_taken_in_by_itself(app: Flask, reader: Client, folder: Path) -> None:
    (folder / "Anna Zebra.svs").write_bytes(slide())
    watcher = look(app, 3)
    assert jobs(app) == 0
    (folder / "Anna Zebra.svs").rename(folder / "K-4711.svs")

    look(app, 2, watcher)

    assert jobs(app) == 1
    assert "Does this name tell" not in reader.get("/cases/1").text


def test_a_name_that_is_no_utf_8_keeps_neither_the_others_nor_the_page(
        app: Flask, reader: Client, folder: Path) -> None:
    """As a scanner writes it whose machine speaks Latin-1."""
    Path(os.fsdecode(os.fsencode(folder) + b"/k-4711 \xe4.svs")).write_bytes(slide())
    (folder / "k-4711 ä.svs").write_bytes(slide(seed=2))

    look(app, 3)

    assert jobs(app) == 1
    page = reader.get("/cases/1")
    assert page.status_code == 200
    assert "k-4711 ä.svs" in page.text


@pytest.mark.parametrize("mode", [0o000, 0o400])
def test_a_folder_that_may_not_be_read_keeps_neither_the_others_nor_the_page(
        app: Flask, reader: Client, folder: Path, mode: int, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "a.svs").write_bytes(slide())
    open_case(reader)
    (folder.parent / "case-2").mkdir()
    (folder.parent / "case-2" / "b.svs").write_bytes(slide())
    folder.chmod(mode)
    with bound_by_modes():
        look(app, 3)
        page = reader.get("/cases/1")
    folder.chmod(0o700)

    assert jobs(app) == 1
    assert page.status_code == 200
    told = {one.getMessage() for one in caplog.records if "cannot be read" in one.getMessage()}
    assert told == ({"the import folder's folder of case 1 cannot be read: Permission denied"} if not mode else set())


def test_whatever_lies_there_the_worker_goes_on_with_its_jobs(
        app: Flask, reader: Client, folder: Path, monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture) -> None:
    def unforeseen(_root: Path | None) -> list[int]:
        raise ValueError

    monkeypatch.setattr(import_folder, "list_cases", unforeseen)
    look(app, 1)
    assert "the look at" in caplog.text
