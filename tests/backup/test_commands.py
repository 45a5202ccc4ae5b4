"""`flask backup`, `backup-verify` and `restore`, and what they refuse: a sentence each, and status 1."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from click.testing import Result
from flask import Flask

from portal.app import create_app
from portal.extensions import db
from portal.services.backup import make as making
from portal.services.backup import restore as restoring_service
from portal.services.backup import sealed
from portal.storage import restoring
from tests.backup.conftest import PASSPHRASE
from tests.conftest import make_settings
from tests.support import databases
from tests.support.filled import files_of, fill, rows_of

MakeEmpty = Callable[[str], Flask]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "LOG_N", 10)


@pytest.fixture
def portal(tmp_path: Path, sqlite_template: Path) -> Iterator[Flask]:
    """On SQLite only: these words are the same on both."""
    (tmp_path / "there").mkdir()
    app = create_app(make_settings(tmp_path / "there", databases.copy_sqlite(
        sqlite_template, tmp_path / "there" / "test.sqlite3")))
    fill(app, files=2)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def ask(app: Flask, *words: Any, word: str = PASSPHRASE) -> Result:
    args = [*(str(one) for one in words), "--passphrase-file", "-"]
    return app.test_cli_runner().invoke(args=args, input=f"{word}\n")


def nothing_in(app: Flask) -> bool:
    left = {path.name for path in app.extensions["settings"].instance.rglob("*") if path.is_file()}
    return not left - {"secret.key"}


def test_back_up_look_and_restore(portal: Flask, empty_place: MakeEmpty, tmp_path: Path) -> None:
    done = ask(portal, "backup", tmp_path)
    assert done.exit_code == 0, done.output
    made, = tmp_path.glob("*.backup")
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert not list(tmp_path.glob("*.part")) + list(tmp_path.glob(".*.part"))
    assert b"clinic" not in made.read_bytes()
    target = empty_place("sqlite")
    for words in (("backup-verify", made), ("restore", made, "--check")):
        done = ask(target, *words)
        assert done.exit_code == 0
        assert "This backup is whole" in done.output
        assert nothing_in(target), "looking restores nothing"
    done = ask(target, "restore", made)
    assert done.exit_code == 0, done.output
    assert "What was ended since is valid again" in done.output
    assert rows_of(target) == rows_of(portal)
    again = ask(target, "restore", made)
    assert (again.exit_code, "never overwrites" in again.output) == (1, True)
    assert rows_of(target) == rows_of(portal)


def test_a_backup_never_overwrites(portal: Flask, tmp_path: Path) -> None:
    path = tmp_path / "mine.backup"
    path.write_bytes(b"mine")
    done = ask(portal, "backup", path)
    assert (done.exit_code, "never overwrites" in done.output) == (1, True)
    assert path.read_bytes() == b"mine"


def test_a_short_passphrase_and_a_missing_folder_are_told(portal: Flask, tmp_path: Path) -> None:
    for words, word, said in ((("backup", tmp_path / "a"), "short", "too short"),
                              (("backup", tmp_path / "no" / "a"), PASSPHRASE, "disk connected"),
                              (("backup-verify", tmp_path / "none"), PASSPHRASE, "no such file")):
        done = ask(portal, *words, word=word)
        assert (done.exit_code, said in done.output) == (1, True), done.output


def test_too_little_room_is_told_before_anything_is_written(
        portal: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making.shutil, "disk_usage", lambda _path: making.shutil._ntuple_diskusage(10**9, 10**9, 1000))
    done = ask(portal, "backup", tmp_path / "a.backup")
    assert (done.exit_code, "too little room" in done.output) == (1, True)
    assert not list(tmp_path.glob("*backup*"))


def test_what_cannot_be_restored_is_told_and_leaves_the_place_empty(
        portal: Flask, empty_place: MakeEmpty, tmp_path: Path) -> None:
    made = tmp_path / "a.backup"
    assert ask(portal, "backup", made).exit_code == 0
    whole, target = made.read_bytes(), empty_place("sqlite")
    for data, word, said in ((whole[:-100], PASSPHRASE, "not whole"),
                             (whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:], PASSPHRASE, "not whole"),
                             (whole, "another passphrase", "passphrase"),
                             (b"nothing like it", PASSPHRASE, "not a backup"),
                             (b"SecondRead backup 9\n" + whole[20:], PASSPHRASE, "newer version")):
        made.write_bytes(data)
        for words in (("restore", made), ("backup-verify", made)):
            done = ask(target, *words, word=word)
            assert (done.exit_code, said in done.output, "Traceback" in done.output) == (1, True, False), done.output
            assert nothing_in(target)


def test_a_migration_of_the_future_is_told(portal: Flask, empty_place: MakeEmpty, tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    made = tmp_path / "a.backup"
    assert ask(portal, "backup", made).exit_code == 0
    monkeypatch.setattr(restoring, "is_known", lambda _revision: False)
    target = empty_place("sqlite")
    done = ask(target, "restore", made)
    assert (done.exit_code, "newer version" in done.output, nothing_in(target)) == (1, True, True)


@pytest.mark.parametrize("database", ["sqlite", "mysql"])
def test_a_restore_that_fails_leaves_the_place_empty(portal: Flask, empty_place: MakeEmpty, tmp_path: Path,
                                                     database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tmp_path / "a.backup"
    assert ask(portal, "backup", made).exit_code == 0
    target = empty_place(database)
    full = Mock(side_effect=OSError(28, "No space left"))
    monkeypatch.setattr(restoring, "bring_triggers_back", full)
    done = ask(target, "restore", made)
    assert (done.exit_code, "No space left" in done.output) == (1, True), done.output
    assert nothing_in(target)
    monkeypatch.undo()
    done = ask(target, "restore", made)
    assert done.exit_code == 0, done.output
    assert rows_of(target) == rows_of(portal)


@pytest.mark.parametrize("database", ["sqlite", "mysql"])
def test_an_interrupted_restore_says_what_to_do(portal: Flask, empty_place: MakeEmpty, tmp_path: Path, database: str,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a power cut: rows and files lie about, and nobody tidied up."""
    made = tmp_path / "a.backup"
    assert ask(portal, "backup", made).exit_code == 0
    target = empty_place(database)
    monkeypatch.setattr(restoring_service, "_take_away", lambda _place: None)
    monkeypatch.setattr(restoring_service, "_move_in",
                        lambda place, loader, _beside: place.store.put(b"half", ".png") and 1 / 0)
    assert ask(target, "restore", made).exit_code == 1
    monkeypatch.undo()
    for words in (("restore", made), ("prepare",)):
        done = target.test_cli_runner().invoke(args=["prepare"]) if words == ("prepare",) else ask(target, *words)
        assert (done.exit_code, "--start-over" in done.output) == (1, True), done.output
    done = ask(target, "restore", made, "--start-over")
    assert done.exit_code == 0, done.output
    assert rows_of(target) == rows_of(portal)
    assert files_of(target.extensions["settings"].files) == files_of(portal.extensions["settings"].files)


def test_secrets_go_along_only_where_asked_for(portal: Flask, empty_place: MakeEmpty, tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql+pymysql://portal:mousetrap@db/portal")
    monkeypatch.setenv("PORTAL_S3_SECRET", "cheese-cheese")
    monkeypatch.setenv("PORTAL_BACKUP_PASSPHRASE", PASSPHRASE)
    for options in ((), ("--with-secrets",)):
        made = tmp_path / f"a{len(options)}.backup"
        assert ask(portal, "backup", made, *options).exit_code == 0
        target = empty_place("sqlite")
        assert ask(target, "restore", made).exit_code == 0
        there = target.extensions["settings"].instance
        written = (there / "settings-of-the-backup.env").read_text()
        assert [one in written for one in ("mousetrap", "cheese-cheese")] == [bool(options)] * 2
        assert PASSPHRASE not in written
        assert (there / "secret.key").exists() == bool(options)
