"""A backup is restored, and every row and every file is compared: within a database, and from one to the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.exc import DatabaseError

from portal.extensions import db
from portal.services.backup.check import read_archive
from portal.services.backup.make import Source, make_backup
from portal.services.backup.restore import restore
from portal.storage.tables.cases import Image
from tests.backup.conftest import PASSPHRASE, place_of, source_of
from tests.support.filled import ROWS, add_images, files_of, rows_of, schema_of

MakeEmpty = Callable[[str], Flask]


@pytest.mark.parametrize("to", ["sqlite", "mysql"])
def test_every_row_and_every_file_comes_back(filled: Flask, empty_place: MakeEmpty, archive: Path, to: str) -> None:
    rows, files = rows_of(filled), files_of(filled.extensions["settings"].files)
    assert all(rows.values()), "every table has rows"
    made = make_backup(source_of(filled), archive, PASSPHRASE)
    assert len(made.missing) == ROWS  # The images among the rows of every table have no file.
    target = empty_place(to)
    with target.app_context():
        restore(place_of(target), archive, PASSPHRASE)
    there = target.extensions["settings"]
    assert rows_of(target) == rows
    assert files_of(there.files) == files
    own = filled.extensions["settings"].models
    assert {one.name: one.read_bytes() for one in there.models.iterdir()} == {
        one.name: one.read_bytes() for one in own.iterdir()}
    assert schema_of(target) == schema_of(filled)


def test_uploads_that_go_on_meanwhile_are_in_it_whole_or_not_at_all(
        filled: Flask, empty_place: MakeEmpty, archive: Path) -> None:
    stop = threading.Event()
    added: list[str] = []

    def upload() -> None:
        with filled.app_context():
            while not stop.is_set():
                added.extend(add_images(filled, 1))
            db.session.remove()

    uploading = threading.Thread(target=upload)
    uploading.start()
    try:
        while len(added) < 3:
            threading.Event().wait(0.01)
        before = len(added)
        make_backup(source_of(filled), archive, PASSPHRASE)
    finally:
        stop.set()
        uploading.join()
    target = empty_place("mysql" if not filled.extensions["settings"].database_url.startswith("sqlite") else "sqlite")
    with target.app_context():
        restore(place_of(target), archive, PASSPHRASE)
        names = set(db.session.scalars(db.select(Image.stored_as)))
    held, all_files = files_of(target.extensions["settings"].files), files_of(filled.extensions["settings"].files)
    assert set(added[:before]) <= names & set(held), "what was there before the backup began is in it"
    assert {name for name in names if name in all_files} == {name for name in held if name.endswith(".png")}
    assert all(all_files[name] == digest for name, digest in held.items())


def test_triggers_work_again_after_a_restore(filled: Flask, empty_place: MakeEmpty, archive: Path) -> None:
    make_backup(source_of(filled), archive, PASSPHRASE)
    kind = "sqlite" if filled.extensions["settings"].database_url.startswith("sqlite") else "mysql"
    target = empty_place(kind)
    with target.app_context():
        restore(place_of(target), archive, PASSPHRASE)
        with pytest.raises(DatabaseError, match="never changed or deleted"):
            db.session.execute(db.text("UPDATE predictions SET ms = 1"))
        db.session.rollback()
        add_images(target, 1)
        names = db.session.scalar(db.text("SELECT image_names FROM cases WHERE id = 1"))
        assert names.endswith("\n")


def test_a_file_that_is_deleted_meanwhile_is_no_loss(source: Source, filled: Flask, archive: Path) -> None:
    """One whose row went too is told as deleted, one whose row is there still as missing."""
    with filled.app_context():
        lost, deleted = add_images(filled, 2)
    looked: list[bool] = []

    def alive() -> bool:
        if not looked:
            looked.append(True)
            for name in (lost, deleted):
                filled.extensions["files"].delete(name)
            # On another connection, as another process would.
            with source.engine.begin() as connection:
                connection.execute(db.text("DELETE FROM images WHERE stored_as = :name"), {"name": deleted})
        return True

    made = make_backup(source, archive, PASSPHRASE, alive=alive)
    assert lost in made.missing
    assert deleted not in made.missing
    assert read_archive(archive, PASSPHRASE)["deleted_meanwhile"] == 1
