"""A portal whose files lie in an object storage: the way of an image, and what is said when it does not answer."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image as PillowImage
from sqlalchemy import select

from config import ObjectStorage, Settings
from portal.extensions import db
from portal.services import housekeeping
from portal.storage.stores import open_files
from portal.storage.tables.cases import Image
from tests.conftest import make_settings
from tests.support import pictures
from tests.support.client import Client
from tests.support.object_server import content_of
from tests.support.pdf import pages
from tests.web.test_cases import open_case
from tests.web.test_images import only, rows, upload
from tests.web.test_reports import pdf, sign


@pytest.fixture
def settings(tmp_path: Path, database_url: str, object_storage: ObjectStorage) -> Settings:
    return make_settings(tmp_path, database_url, object_storage=object_storage)


@pytest.fixture
def reader(login: Callable[..., Client]) -> Client:
    return login()


@pytest.fixture
def case_id(reader: Client) -> int:
    return open_case(reader)


@pytest.fixture
def hang_up(app: Flask, settings: Settings, object_storage: ObjectStorage, no_server: str) -> Callable[[], None]:
    """From now on the storage does not answer, and this machine has no copies."""

    def end() -> None:
        shutil.rmtree(settings.cache, ignore_errors=True)
        away = replace(settings, object_storage=replace(object_storage, endpoint=no_server))
        app.extensions["files"] = open_files(away)

    return end


def stored_name(app: Flask, image_id: int) -> str:
    with app.app_context():
        return db.session.get_one(Image, image_id).stored_as


def test_an_image_is_uploaded_read_shown_and_reported(
        app: Flask, settings: Settings, object_storage: ObjectStorage, reader: Client, case_id: int) -> None:
    sent = pictures.smear()
    verdict = only(upload(reader, case_id, ("one.png", sent)))
    assert verdict["outcome"] == "scored"
    shutil.rmtree(settings.cache, ignore_errors=True)
    kept = content_of(object_storage, stored_name(app, verdict["image"]))
    assert PillowImage.open(io.BytesIO(kept)).tobytes() == PillowImage.open(io.BytesIO(sent)).tobytes()
    assert reader.get(f"/images/{verdict['image']}/file").data == kept
    assert reader.get(verdict["url"]).status_code == 200
    assert PillowImage.open(io.BytesIO(reader.get(f"/images/{verdict['image']}/thumbnail").data)).format == "JPEG"
    assert sign(reader, case_id, although_waiting="y").status_code == 303
    assert any(page.pictures for page in pages(pdf(reader, f"/cases/{case_id}/report.pdf"), 0.1))
    assert not settings.files.exists()


def test_an_upload_while_the_storage_does_not_answer_keeps_nothing_and_says_so(
        app: Flask, reader: Client, case_id: int, hang_up: Callable[[], None]) -> None:
    hang_up()
    answer = upload(reader, case_id, ("one.png", pictures.smear()))
    assert answer.status_code == 507
    assert only(answer)["code"] == "not-stored"
    assert "does not answer" in only(answer)["reason"]
    assert rows(app, Image) == 0


def test_a_page_that_needs_a_file_says_that_the_storage_does_not_answer(
        reader: Client, case_id: int, hang_up: Callable[[], None]) -> None:
    verdict = only(upload(reader, case_id, ("one.png", pictures.smear())))
    hang_up()
    for url in (f"/images/{verdict['image']}/file", f"/images/{verdict['image']}/thumbnail",
                f"/cases/{case_id}/report.pdf"):
        answer = reader.get(url)
        assert answer.status_code == 503
        assert "The storage for images does not answer" in answer.text
        assert "127.0.0.1" not in answer.text
    assert reader.get(f"/cases/{case_id}").status_code == 200


def test_an_administrator_sees_that_the_storage_does_not_answer(
        login: Callable[..., Client], hang_up: Callable[[], None]) -> None:
    administrator = login("admin@clinic.example", "admin")
    assert "0 bytes" in administrator.get("/admin/system").text
    hang_up()
    assert "the storage does not answer" in administrator.get("/admin/system").text


def test_a_database_without_images_sweeps_nothing(app: Flask, reader: Client, case_id: int) -> None:
    """Started with the wrong DATABASE_URL, a portal must not empty the bucket of the right one."""
    name = app.extensions["files"].put(b"of another database", ".png")
    swept: list[set[str]] = []
    app.extensions["files"].sweep = lambda named: swept.append(named) or 1
    with app.app_context():
        assert housekeeping.sweep_files(app.extensions["files"]) == 0
        assert swept == []
    only(upload(reader, case_id, ("one.png", pictures.smear())))
    with app.app_context():
        assert housekeeping.sweep_files(app.extensions["files"]) == 1
        assert swept == [set(db.session.scalars(select(Image.stored_as)))]
    assert app.extensions["files"].read(name)
