"""What is deleted by two leaves no object in the bucket and no copy on any machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from config import ObjectStorage, Settings
from portal.extensions import db
from portal.services import deletions, housekeeping
from portal.storage.files import FileStore
from portal.storage.incoming import Incoming
from portal.storage.object_files import ObjectFiles
from portal.storage.stores import open_files
from portal.storage.tables.cases import Image
from portal.storage.tables.jobs import Job
from tests.backup.test_object_storage import copies
from tests.conftest import make_settings
from tests.support.client import Client
from tests.support.object_server import objects_of
from tests.support.pictures import smear
from tests.web.test_deletions import ADMIN, open_case, propose
from tests.web.test_images import only, upload


@pytest.fixture
def settings(tmp_path: Path, database_url: str, object_storage: ObjectStorage) -> Settings:
    return make_settings(tmp_path, database_url, object_storage=object_storage)


@pytest.fixture
def case_with_files(app: Flask, login: Callable[..., Client]) -> tuple[Client, Client, int, str]:
    """An administrator, a reader, the reader's case with one image that was looked at here, and its file's name."""
    admin, reader = login(ADMIN, "admin"), login()
    case_id = open_case(reader)
    image = only(upload(reader, case_id, ("one.png", smear())))["image"]
    assert reader.get(f"/images/{image}/file").status_code == 200
    with app.app_context():
        return admin, reader, case_id, db.session.get_one(Image, image).stored_as


def test_a_deletion_by_two_takes_the_object_and_the_copy_here(
        app: Flask, object_storage: ObjectStorage, case_with_files: tuple[Client, Client, int, str]) -> None:
    admin, reader, case_id, name = case_with_files
    kept = open_case(reader, "P-0118")
    other = only(upload(reader, kept, ("two.png", smear(7))))["image"]
    assert reader.get(f"/images/{other}/file").status_code == 200
    page = propose(reader, case_id)
    assert (name in objects_of(object_storage), name in copies(app)) == (True, True), "one alone deletes nothing"
    assert admin.post(f"{page}/confirm", {"number": case_id}).status_code == 303
    assert (name in objects_of(object_storage), name in copies(app)) == (False, False)
    assert (len(objects_of(object_storage)), len(copies(app))) == (1, 1), "the other case's stay"


def test_what_could_not_be_deleted_then_goes_when_the_storage_is_back(
        app: Flask, object_storage: ObjectStorage, case_with_files: tuple[Client, Client, int, str],
        no_server: str) -> None:
    admin, reader, case_id, name = case_with_files
    page, settings = propose(reader, case_id), app.extensions["settings"]
    app.extensions["files"] = open_files(replace(settings, object_storage=replace(object_storage, endpoint=no_server)))
    assert admin.post(f"{page}/confirm", {"number": case_id}).status_code == 303
    assert reader.get(f"/cases/{case_id}").status_code == 404
    assert (name in objects_of(object_storage), name in copies(app)) == (True, False), "the copy here went at once"
    with app.app_context():
        assert deletions.finish(deletions.Shelf(store=open_files(settings), incoming=Incoming(settings.incoming))) == 1
    assert objects_of(object_storage) == {}


def test_a_file_that_is_deleted_while_it_is_fetched_leaves_no_copy(
        app: Flask, object_storage: ObjectStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    store = app.extensions["files"]
    name = store.put(b"of a case that goes now", ".png")
    pieces = ObjectFiles._pieces

    def deleted_meanwhile(this: ObjectFiles, stream: Iterator[bytes], of: str) -> Iterator[bytes]:
        yield from pieces(this, stream, of)
        open_files(app.extensions["settings"]).delete(name)

    monkeypatch.setattr(ObjectFiles, "_pieces", deleted_meanwhile)
    with pytest.raises(FileNotFoundError):
        store.local(name)
    assert (objects_of(object_storage), copies(app)) == ({}, set())


def test_another_machine_forgets_its_copy_of_what_was_deleted_here(
        app: Flask, object_storage: ObjectStorage, tmp_path: Path,
        case_with_files: tuple[Client, Client, int, str]) -> None:
    """Within two hours, by its worker; copies that are named stay, and so do those used lately."""
    admin, reader, case_id, name = case_with_files
    other = only(upload(reader, open_case(reader, "P-0118"), ("two.png", smear(7))))["image"]
    elsewhere = open_files(replace(app.extensions["settings"], instance=tmp_path / "elsewhere"))
    with app.app_context():
        stays = db.session.get_one(Image, other).stored_as
        product = app.extensions["files"].put(b"a,b", ".csv")
        db.session.add(Job(kind="other", owner_id=1, title="x", state="done",
                           result={"file": {"stored_as": product, "name": "a", "type": "text/csv", "size": 3}}))
        db.session.commit()
        held = {one: elsewhere.local(one) for one in (name, stays, product)}
    assert admin.post(f"{propose(reader, case_id)}/confirm", {"number": case_id}).status_code == 303
    with app.app_context():
        assert housekeeping.forget_copies(elsewhere) == 0, "used within the hour"
        for path in held.values():
            os.utime(path, (1, 1))
        assert housekeeping.forget_copies(elsewhere) == 1
        assert housekeeping.forget_copies(FileStore(tmp_path)) == 0
    assert [held[one].exists() for one in (name, stays, product)] == [False, True, True]
