"""Files in an object storage are in a backup, come back into a bucket or a folder, and go with a case's deletion."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from config import ObjectStorage, Settings
from portal.app import create_app
from portal.extensions import db
from portal.services.backup import sealed
from portal.services.backup.check import read_archive
from portal.services.backup.make import make_backup
from portal.services.backup.restore import FOLDER, restore
from portal.services.errors import BackupProblem
from portal.storage.files import files_below
from portal.storage.object_files import ObjectFiles
from portal.storage.stores import open_files
from portal.storage.tables.cases import Image
from tests.backup.conftest import PASSPHRASE, place_of, source_of
from tests.conftest import make_settings
from tests.support import databases
from tests.support.filled import ROWS, add_images, files_of, fill, rows_of
from tests.support.object_server import bucket_of, objects_of

MakeEmpty = Callable[..., Flask]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "LOG_N", 10)


@pytest.fixture
def settings(tmp_path: Path, database_url: str, object_storage: ObjectStorage) -> Settings:
    return make_settings(tmp_path, database_url, object_storage=object_storage)


def copies(app: Flask) -> set[str]:
    """The files of which this machine keeps a copy."""
    return {path.name for path, _ in files_below(app.extensions["settings"].cache)}


def beside(where: ObjectStorage, prefix: str = "another/place") -> ObjectStorage:
    """An empty folder of the same bucket."""
    return replace(where, prefix=prefix)


@pytest.mark.parametrize(("kept_in", "to"), [("bucket", "sqlite"), ("folder", "mysql")])
def test_every_row_and_every_object_comes_back(app: Flask, empty_place: MakeEmpty, object_storage: ObjectStorage,
                                               archive: Path, kept_in: str, to: str) -> None:
    fill(app)
    with app.app_context():
        add_images(app, 2, size=5_000_000)
    rows, there = rows_of(app), objects_of(object_storage)
    assert len(there) == 8
    made = make_backup(source_of(app), archive, PASSPHRASE)
    assert len(made.missing) == ROWS  # The images among the rows of every table have no file.
    assert (made.files, copies(app)) == (9, set()), "a backup fetches nothing into the cache"
    where = beside(object_storage) if kept_in == "bucket" else None
    target = empty_place(to, where)
    with target.app_context():
        restore(place_of(target), archive, PASSPHRASE)
    assert rows_of(target) == rows
    assert (objects_of(where) if where else files_of(target.extensions["settings"].files)) == there
    assert objects_of(object_storage) == there
    with target.app_context():
        name = db.session.scalars(db.select(Image.stored_as).where(Image.size == 5_000_000)).first()
        assert hashlib.sha256(target.extensions["files"].read(name)).hexdigest() == there[name]


def test_a_folders_backup_comes_back_into_a_bucket(
        empty_place: MakeEmpty, object_storage: ObjectStorage, tmp_path: Path, sqlite_template: Path,
        archive: Path) -> None:
    """How a clinic moves: nothing in between need hold all files."""
    app = create_app(make_settings(tmp_path, databases.copy_sqlite(sqlite_template, tmp_path / "test.sqlite3")))
    fill(app)
    make_backup(source_of(app), archive, PASSPHRASE)
    target = empty_place("sqlite", object_storage)
    with target.app_context():
        restore(place_of(target), archive, PASSPHRASE)
    assert objects_of(object_storage) == files_of(app.extensions["settings"].files)
    assert not target.extensions["settings"].files.exists()
    with app.app_context():
        db.engine.dispose()


def test_a_copy_of_this_machine_is_taken_and_stays_as_old_as_it_was(app: Flask, archive: Path) -> None:
    fill(app)
    with app.app_context():
        name, = add_images(app, 1)
    copy = app.extensions["files"].local(name)
    os.utime(copy, (1, 1))
    make_backup(source_of(app), archive, PASSPHRASE)
    assert read_archive(archive, PASSPHRASE)["files"] == 8
    assert (copies(app), copy.stat().st_mtime) == ({name}, 1), "a backup is no use that keeps a copy here"


def test_a_storage_that_does_not_answer_costs_the_backup_and_says_so(
        app: Flask, archive: Path, no_server: str) -> None:
    fill(app)
    where = app.extensions["settings"].object_storage
    source = replace(source_of(app), store=open_files(replace(
        app.extensions["settings"], object_storage=replace(where, endpoint=no_server))))
    with pytest.raises(BackupProblem, match=r"stored files cannot be read.*does not answer"):
        make_backup(source, archive, PASSPHRASE)
    assert not list(archive.parent.glob("*backup*"))


def test_an_object_that_is_gone_is_told_as_missing(app: Flask, object_storage: ObjectStorage, archive: Path) -> None:
    fill(app)
    with app.app_context():
        lost, = add_images(app, 1)
    bucket_of(object_storage).delete(f"{object_storage.prefix}/{lost[:2]}/{lost}")
    assert lost in make_backup(source_of(app), archive, PASSPHRASE).missing


def test_a_bucket_with_files_is_not_restored_into(
        app: Flask, empty_place: MakeEmpty, object_storage: ObjectStorage, archive: Path) -> None:
    fill(app)
    make_backup(source_of(app), archive, PASSPHRASE)
    there = objects_of(object_storage)
    target = empty_place("sqlite", object_storage)
    with target.app_context(), pytest.raises(BackupProblem, match="never overwrites"):
        restore(place_of(target), archive, PASSPHRASE)
    assert objects_of(object_storage) == there


def test_a_restore_whose_storage_goes_away_says_how_to_begin_anew(
        app: Flask, empty_place: MakeEmpty, object_storage: ObjectStorage, archive: Path, no_server: str,
        monkeypatch: pytest.MonkeyPatch) -> None:
    fill(app)
    make_backup(source_of(app), archive, PASSPHRASE)
    where = beside(object_storage)
    target = empty_place("sqlite", where)
    away = open_files(replace(target.extensions["settings"], object_storage=replace(where, endpoint=no_server)))
    with target.app_context():
        with pytest.raises(BackupProblem, match=r"not within reach.*Nothing was kept"):
            restore(replace(place_of(target), store=away), archive, PASSPHRASE)
        store, put = target.extensions["files"], ObjectFiles.put_back

        def once(this: ObjectFiles, path: Path, name: str) -> None:
            """The first goes through; then nobody answers, for whoever tidies up neither."""
            put(this, path, name)
            store._bucket = store._patient = away._bucket  # type: ignore[attr-defined]

        monkeypatch.setattr(ObjectFiles, "put_back", once)
        with pytest.raises(BackupProblem, match=r"not within reach.*--start-over"):
            restore(place_of(target), archive, PASSPHRASE)
        monkeypatch.undo()
        target.extensions["files"] = open_files(target.extensions["settings"])
        assert (len(objects_of(where)), (target.extensions["settings"].instance / FOLDER).exists()) == (1, True)
        restore(place_of(target), archive, PASSPHRASE, start_over=True)
    assert objects_of(where) == objects_of(object_storage)
    assert rows_of(target) == rows_of(app)


def test_a_restore_that_fails_leaves_the_bucket_empty_whatever_its_clock_says(
        app: Flask, empty_place: MakeEmpty, object_storage: ObjectStorage, archive: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    fill(app)
    make_backup(source_of(app), archive, PASSPHRASE)
    where = beside(object_storage)
    target = empty_place("sqlite", where)
    monkeypatch.setattr("portal.storage.restoring.bring_triggers_back", lambda *_: 1 / 0)
    with target.app_context():
        store = target.extensions["files"]
        pages = store._list

        def ahead() -> Iterator[dict[str, object]]:
            yield from ({**one, "last_modified": one["last_modified"] + timedelta(hours=1)} for one in pages())

        monkeypatch.setattr(store, "_list", ahead)
        with pytest.raises(ZeroDivisionError):
            restore(place_of(target), archive, PASSPHRASE)
    assert objects_of(where) == {}
