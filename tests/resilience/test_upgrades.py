"""A start on an older database: backed up before anything is changed, once, and put back or told where it fails."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import text

from benchmarks.serving.process import free_port
from portal.app import create_app
from portal.extensions import db, migrate
from portal.services.backup import sealed
from portal.services.backup.check import read_archive
from portal.services.backup.make import Source, make_backup
from portal.services.backup.restore import Place, restore
from portal.storage import migrating, restoring, snapshots
from tests.conftest import make_settings
from tests.resilience.test_migrating import FAILS, ROOT, environment_of, is_sqlite
from tests.support import databases
from tests.support.filled import fill

PASSPHRASE = "a lantern over the harbour"
OLD = "0009"


@pytest.fixture
def filled(bare: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """A portal of this version with rows and files, and a folder for backups."""
    monkeypatch.setattr(sealed, "LOG_N", 10)
    databases.migrate(bare)
    fill(bare, files=3, without=("audit_seals",))  # A start goes on from the last seal, and reads it.
    (tmp_path / "backups").mkdir()
    bare.extensions["settings"] = replace(bare.extensions["settings"], backup_folder=tmp_path / "backups",
                                          backup_passphrase=PASSPHRASE, port=free_port())
    return bare


@pytest.fixture
def old(filled: Flask) -> Flask:
    """The same as an older version left it."""
    databases.undo(filled, OLD)
    return filled


@pytest.fixture
def failing(filled: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The same under a newer version, whose migration fails half-way."""
    shutil.copytree(ROOT / "migrations", tmp_path / "newer" / "migrations")
    script = tmp_path / "newer" / "migrations" / "versions" / "9999_fails.py"
    script.write_text(FAILS.format(head=restoring.newest()))
    monkeypatch.setattr(restoring, "ROOT", tmp_path / "newer")
    monkeypatch.setattr(migrate, "directory", str(tmp_path / "newer" / "migrations"))
    return filled


@pytest.fixture
def empty_like(tmp_path: Path) -> Iterator[Callable[[Flask], Flask]]:
    """Makes a portal without anything, on the same kind of database as another's."""
    made: list[Flask] = []

    def make(other: Flask) -> Flask:
        url = "" if is_sqlite(other) else databases.create_mysql(f"{databases.SCRATCH}_again")
        (tmp_path / "again").mkdir()
        made.append(create_app(make_settings(tmp_path / "again", url, port=free_port())))
        return made[-1]

    yield make
    for app in made:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
        if not is_sqlite(app):
            databases.drop_mysql(f"{databases.SCRATCH}_again")


def state_of(app: Flask, folder: Path) -> tuple[str, dict[str, Any]]:
    """The migration that the database is at, and what each of its tables adds up to."""
    with app.app_context():
        source = Source(settings=app.extensions["settings"], store=app.extensions["files"], engine=db.engine,
                        written={})
        made = make_backup(source, folder / "state.backup", PASSPHRASE)
    manifest = read_archive(made.path, PASSPHRASE)
    made.path.unlink()
    return manifest["revision"], manifest["tables"]


def revision_of(app: Flask) -> str:
    with app.app_context(), db.engine.connect() as connection:
        return snapshots.revision_of(connection)


def prepare(app: Flask) -> Result:
    with app.app_context():
        db.session.remove()
    return app.test_cli_runner().invoke(args=["prepare"])


def backups(app: Flask) -> list[Path]:
    return sorted(app.extensions["settings"].backup_folder.iterdir())


def test_an_upgrade_begins_with_a_backup_of_what_was_there(old: Flask, tmp_path: Path) -> None:
    before = state_of(old, tmp_path)
    assert before[0] == OLD
    done = prepare(old)
    assert (done.exit_code, "Backed up before the upgrade" in done.output) == (0, True), done.output
    made, = backups(old)
    manifest = read_archive(made, PASSPHRASE)
    assert ((manifest["revision"], manifest["tables"]), manifest["files"]) == (before, 5)
    assert revision_of(old) == restoring.newest()
    assert (prepare(old).exit_code, backups(old)) == (0, [made]), "a start that upgrades nothing makes none"


def test_an_upgrade_whose_backup_fails_changes_nothing(old: Flask, tmp_path: Path) -> None:
    before = state_of(old, tmp_path)
    (tmp_path / "backups").rmdir()
    done = prepare(old)
    assert (done.exit_code, "nothing was changed" in done.output, "disk connected" in done.output) == (1, True, True)
    assert state_of(old, tmp_path) == before
    (tmp_path / "backups").mkdir()
    assert prepare(old).exit_code == 0


def test_a_failed_upgrade_is_put_back_or_its_backup_is(
        failing: Flask, empty_like: Callable[[Flask], Flask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state_of(failing, tmp_path)
    done = prepare(failing)
    assert (done.exit_code, "SecondRead cannot start" in done.output) == (1, True), done.output
    made, = backups(failing)
    manifest = read_archive(made, PASSPHRASE)
    assert (manifest["revision"], manifest["tables"]) == before
    if is_sqlite(failing):
        assert state_of(failing, tmp_path) == before
    else:
        assert "flask restore" in done.output
        assert (prepare(failing).exit_code, backups(failing)) == (1, [made]), "what is half changed is not backed up"
    monkeypatch.undo()
    target = empty_like(failing)
    with target.app_context():
        restore(Place(settings=target.extensions["settings"], store=target.extensions["files"], engine=db.engine),
                made, PASSPHRASE)
    assert state_of(target, tmp_path) == before
    started = prepare(failing if is_sqlite(failing) else target)
    assert started.exit_code == 0, started.output


def test_of_two_starts_at_once_one_backs_up_and_both_succeed(old: Flask, tmp_path: Path) -> None:
    before = state_of(old, tmp_path)
    environment = {**environment_of(old), "PORTAL_BACKUP_FOLDER": str(tmp_path / "backups"),
                   "PORTAL_BACKUP_PASSPHRASE": PASSPHRASE}
    both = [subprocess.Popen([sys.executable, "-m", "flask", "--app", "wsgi", "prepare"], cwd=ROOT,
                             env={**environment, "PORT": str(free_port())}, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT) for _ in range(2)]
    said = [one.communicate()[0].decode() for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    made, = backups(old)
    manifest = read_archive(made, PASSPHRASE)
    assert (manifest["revision"], manifest["tables"]) == before
    assert revision_of(old) == restoring.newest()


@pytest.mark.parametrize("bare", ["sqlite"], indirect=True)
def test_what_a_killed_upgrade_left_is_put_back_before_it_is_backed_up(old: Flask, tmp_path: Path) -> None:
    before = state_of(old, tmp_path)
    with old.app_context():
        path = Path(str(db.engine.url.database))
        migrating._copy(path, path.with_name(f"{path.name}.before-migration"))
        db.session.execute(text("UPDATE users SET name = 'half'"))
        db.session.commit()
        db.session.remove()
        db.engine.dispose()
    assert prepare(old).exit_code == 0
    made, = backups(old)
    manifest = read_archive(made, PASSPHRASE)
    assert (manifest["revision"], manifest["tables"]) == before


def test_a_database_of_a_newer_version_is_told_and_not_backed_up_at_every_start(filled: Flask) -> None:
    with filled.app_context():
        db.session.execute(text("UPDATE alembic_version SET version_num = '9998'"))
        db.session.commit()
    done = prepare(filled)
    assert (done.exit_code, "SecondRead cannot start" in done.output, backups(filled)) == (1, True, []), done.output
