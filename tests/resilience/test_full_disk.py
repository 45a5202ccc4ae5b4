"""A disk that is full, really: a file system of a few MB in memory."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from flask import Flask

from portal.app import create_app
from portal.extensions import db
from portal.services.backup.make import Source, make_backup
from portal.services.errors import BackupProblem
from portal.storage.files import files_below
from portal.storage.tables.accounts import User
from portal.storage.tables.cases import Case, Image
from tests.conftest import make_settings
from tests.support import databases
from tests.support.pictures import smear
from tests.support.programs import Program, make_token, new_case, problem

MEGABYTE = 1_000_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)], check=False,
                             capture_output=True)
    if mounted.returncode:
        pytest.skip("this user may not mount a small file system")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def portal_on(folder: Path, template: Path, reserve: int) -> tuple[Flask, Program]:
    if not (folder / "test.sqlite3").exists():
        databases.copy_sqlite(template, folder / "test.sqlite3")
    app = create_app(make_settings(folder, min_free_bytes=reserve))
    with app.app_context():
        db.session.add(User(email="a@clinic.example", name="A", role="clinician", status="approved",
                            password_hash="-"))
        db.session.commit()
        user_id = db.session.query(User.id).scalar()
    return app, Program(app, make_token(app, user_id))


def fill_up(path: Path) -> None:
    with path.open("wb", buffering=0) as junk, suppress(OSError):
        while junk.write(b"x" * 4096):
            pass


def test_uploads_are_refused_in_words_before_the_disk_is_full(small_disk: Path, sqlite_template: Path) -> None:
    app, reader = portal_on(small_disk, sqlite_template, reserve=6 * MEGABYTE)
    case_id, taken = new_case(reader), []
    for seed in range(200):
        answer = reader.upload(case_id, ("a.png", smear(seed)))
        if answer.status_code != 201:
            break
        taken.append(answer.get_json()["files"][0]["image"])
    problem(answer, 507)
    assert taken, "it began with room"
    with app.app_context():
        rows = db.session.query(Image).all()
        assert {one.id for one in rows} == set(taken)
        assert {one.stored_as for one in rows} == {path.name for path, _ in files_below(small_disk / "files")}
        db.session.remove()
        with pytest.raises(BackupProblem, match="too little room"):
            make_backup(Source(settings=app.extensions["settings"], store=app.extensions["files"], engine=db.engine,
                               written={}), small_disk / "a.backup", "a lantern over the harbour")
        db.engine.dispose()


def test_a_disk_that_others_filled_gives_words_and_loses_nothing(small_disk: Path, sqlite_template: Path) -> None:
    app, reader = portal_on(small_disk, sqlite_template, reserve=0)
    case_id = new_case(reader)
    kept = reader.upload(case_id, ("a.png", smear(1))).get_json()["files"][0]["image"]
    fill_up(small_disk / "junk")
    problem(reader.upload(case_id, ("b.png", smear(2))), 507)
    answer = reader.post("/cases", {"patient": "P-0118", "specimen": "blood" * 20})
    while answer.status_code == 201:  # SQLite's log had some room left.
        answer = reader.post("/cases", {"patient": "P-0118", "specimen": "blood" * 20})
    problem(answer, 507)
    problem(reader.get(f"/images/{kept}/file"), 507)  # A view that cannot be written down is not shown.
    (small_disk / "junk").unlink()
    assert reader.get(f"/images/{kept}/file").status_code == 200
    assert reader.upload(case_id, ("b.png", smear(2))).status_code == 201, "it heals alone"
    with app.app_context():
        assert db.session.query(Case).count() >= 1
        db.session.remove()
        db.engine.dispose()
