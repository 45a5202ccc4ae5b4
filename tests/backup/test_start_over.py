"""`restore --start-over` takes away what the interrupted restore left, and nothing that the settings name by now."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import create_engine, inspect

from config import ObjectStorage, Settings
from portal.app import create_app
from portal.extensions import db
from portal.services.backup import restore as restoring_service
from portal.services.backup import sealed
from portal.services.backup.make import make_backup
from portal.services.backup.restore import FOLDER, WHERE, Place, where_of
from portal.storage.stores import open_files
from tests.backup.conftest import PASSPHRASE, place_of, source_of
from tests.support.filled import files_of, rows_of
from tests.support.object_server import objects_of

MakeEmpty = Callable[[str], Flask]
Change = Callable[..., Flask]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "LOG_N", 10)


@pytest.fixture
def made(filled: Flask, archive: Path) -> Path:
    """A backup of the filled portal."""
    make_backup(source_of(filled), archive, PASSPHRASE)
    return archive


@pytest.fixture
def changed() -> Iterator[Change]:
    """The same instance folder with other settings, as after an edit of `.env`."""
    apps: list[Flask] = []

    def make(app: Flask, **settings: object) -> Flask:
        apps.append(create_app(replace(app.extensions["settings"], **settings)))
        return apps[-1]

    yield make
    for app in apps:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def restore(app: Flask, file: Path, *options: str) -> Result:
    args = ["restore", str(file), *options, "--passphrase-file", "-"]
    return app.test_cli_runner().invoke(args=args, input=f"{PASSPHRASE}\n")


def interrupt(app: Flask, made: Path) -> None:
    """A restore of which all was loaded when the power went: nobody tidied up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restoring_service, "_take_away", lambda _place: None)
        patch.setattr(restoring_service, "_move_in", lambda *_: 1 / 0)
        assert isinstance(restore(app, made).exception, ZeroDivisionError)


def left_in(app: Flask) -> tuple[dict[str, str], list[str]]:
    """Every file of the instance folder, and the tables that the database has."""
    folder: Path = app.extensions["settings"].instance
    files = {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
             for path in folder.rglob("*") if path.is_file()}
    place = place_of(app)
    if place.sqlite and not place.sqlite.exists():
        return files, []
    with place.engine.connect() as connection:
        return files, inspect(connection).get_table_names()


def test_a_database_that_the_settings_name_since_stays_whole(
        filled: Flask, empty_place: MakeEmpty, changed: Change, made: Path) -> None:
    target = empty_place("sqlite")
    interrupt(target, made)
    rows = rows_of(filled)
    strayed = changed(target, database_url=filled.extensions["settings"].database_url)
    done = restore(strayed, made, "--start-over")
    assert (done.exit_code, "DATABASE_URL" in done.output, "Traceback" in done.output) == (1, True, False), done.output
    assert rows_of(filled) == rows
    done = restore(target, made, "--start-over")
    assert done.exit_code == 0, done.output
    assert rows_of(target) == rows
    assert not [path for path in target.extensions["settings"].instance.iterdir() if FOLDER in path.name]


def test_a_bucket_that_the_settings_name_since_stays_whole(
        empty_place: MakeEmpty, changed: Change, made: Path, object_storage: ObjectStorage) -> None:
    target = empty_place("sqlite")
    interrupt(target, made)
    strayed = changed(target, object_storage=object_storage)
    strayed.extensions["files"].put(b"of another portal", ".png")
    there = objects_of(object_storage)
    done = restore(strayed, made, "--start-over")
    assert (done.exit_code, "PORTAL_FILES" in done.output) == (1, True), done.output
    assert (objects_of(object_storage), len(there)) == (there, 1)


@pytest.mark.parametrize("database", ["sqlite", "mysql"])
def test_a_file_that_is_no_backup_takes_nothing_away(
        empty_place: MakeEmpty, made: Path, tmp_path: Path, database: str) -> None:
    target, wrong = empty_place(database), tmp_path / "wrong.backup"
    interrupt(target, made)
    left = left_in(target)
    wrong.write_bytes(b"nothing like it")
    for file, said in ((wrong, "not a backup"), (tmp_path / "none.backup", "no such file")):
        done = restore(target, file, "--start-over")
        assert (done.exit_code, said in done.output) == (1, True), done.output
        assert left_in(target) == left
    done = restore(target, made, "--start-over")
    assert done.exit_code == 0, done.output


def test_without_a_note_only_the_mark_goes_and_only_where_nothing_else_is(
        filled: Flask, empty_place: MakeEmpty, changed: Change, made: Path) -> None:
    """Cut off before it had begun anything."""
    target = empty_place("sqlite")
    mark = target.extensions["settings"].instance / FOLDER
    mark.mkdir()
    rows = rows_of(filled)
    strayed = changed(target, database_url=filled.extensions["settings"].database_url)
    done = restore(strayed, made, "--start-over")
    assert (done.exit_code, "never overwrites" in done.output, mark.exists()) == (1, True, True), done.output
    assert rows_of(filled) == rows
    done = restore(target, made, "--start-over")
    assert done.exit_code == 0, done.output
    assert (rows_of(target), mark.exists()) == (rows, False)
    assert files_of(target.extensions["settings"].files) == files_of(filled.extensions["settings"].files)


def test_the_note_is_there_before_the_first_row_and_gone_at_the_end(
        empty_place: MakeEmpty, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = empty_place("sqlite")
    folder, load, seen = target.extensions["settings"].instance / FOLDER, restoring_service._load, []

    def look(place: Place, *others: object) -> None:
        seen.append((folder / WHERE).read_text())
        load(place, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(restoring_service, "_load", look)
    assert restore(target, made).exit_code == 0
    assert (seen, folder.exists()) == ([where_of(place_of(target))], False)


def test_the_note_tells_databases_apart_and_holds_no_password(settings: Settings, tmp_path: Path) -> None:
    def note(url: str) -> str:
        return where_of(Place(settings=settings, store=open_files(settings), engine=create_engine(url)))

    one = note("mysql+pymysql://portal:mousetrap@db/portal?unix_socket=/run/one&passwd=mousetrap")
    assert "mousetrap" not in one
    assert one == note("mysql+pymysql://portal:changed@db/portal?unix_socket=/run/one")
    others = ["mysql+pymysql://portal:mousetrap@db/other?unix_socket=/run/one",
              "mysql+pymysql://portal:mousetrap@away/portal?unix_socket=/run/one",
              "mysql+pymysql://portal:mousetrap@db/portal?unix_socket=/run/two", f"sqlite:///{tmp_path}/a.sqlite3",
              f"sqlite:///{tmp_path}/b.sqlite3"]
    assert len({one, *map(note, others)}) == 6
