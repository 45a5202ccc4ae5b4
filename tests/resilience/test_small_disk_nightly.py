"""MariaDB's own disk is full, really: a server of this test on a file system of a few MB in memory.

At night only: who runs it must be allowed to mount, which neither a database nor the data sets give.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from benchmarks.kills.load import picture
from benchmarks.serving.process import free_port
from portal.app import create_app
from portal.extensions import db
from portal.storage.files import files_below
from portal.storage.tables.cases import Image
from portal.storage.tables.readings import Prediction
from tests.conftest import make_settings
from tests.support import databases
from tests.support.patience import until
from tests.support.programs import new_case, problem, reader_of

SIZE = "size=160m"
SMALL = ("--innodb-log-file-size=4M", "--innodb-undo-tablespaces=0")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    if not shutil.which("mariadbd") or not shutil.which("mariadb-install-db"):
        pytest.skip("the programs of a MariaDB server are not installed")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", SIZE, "tmpfs", str(folder)], check=False,
                      capture_output=True).returncode:
        pytest.skip("this user may not mount a small file system")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def server(small_disk: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a database on a server of its own, without any tables."""
    user, data, port = pwd.getpwuid(os.getuid()).pw_name, small_disk / "data", free_port()
    subprocess.run(["mariadb-install-db", "--no-defaults", f"--user={user}", f"--datadir={data}", "--skip-test-db",
                    "--auth-root-authentication-method=normal", *SMALL], check=True, capture_output=True)
    with (tmp_path / "mariadb.txt").open("wb") as said:
        process = subprocess.Popen([
            "mariadbd", "--no-defaults", f"--user={user}", f"--datadir={data}", f"--port={port}", *SMALL,
            "--bind-address=127.0.0.1", f"--socket={small_disk / 's'}", "--innodb-buffer-pool-size=16M",
            "--innodb-flush-method=fsync"], stdout=said, stderr=said)
    address = f"mysql+pymysql://root@127.0.0.1:{port}/"
    try:
        until(lambda: answers(address, "CREATE DATABASE portal"), (tmp_path / "mariadb.txt").read_text)
        yield f"{address}portal?charset=utf8mb4"
    finally:
        process.kill()
        process.wait()


def answers(address: str, statement: str) -> bool:
    engine = create_engine(address)
    try:
        with engine.connect() as connection:
            connection.execute(text(statement))
    except OperationalError:
        return False
    finally:
        engine.dispose()
    return True


@pytest.fixture
def tight(server: str, tmp_path: Path) -> Iterator[Flask]:
    app = create_app(make_settings(tmp_path, server))
    databases.migrate(app)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def fill_up(path: Path) -> None:
    with path.open("wb", buffering=0) as junk, suppress(OSError):
        while junk.write(b"x" * 4096):
            pass


def test_mariadbs_full_disk_gives_words_and_keeps_nothing_half(tight: Flask, small_disk: Path, tmp_path: Path) -> None:
    reader, dice = reader_of(tight), np.random.default_rng(3)
    case_id = new_case(reader)
    kept = {reader.upload(case_id, ("a.png", picture(dice))).get_json()["files"][0]["image"]}
    fill_up(small_disk / "junk")
    case = {"patient": "P-0118", "specimen": "blood", "note": "x" * 1900}
    answer = reader.post("/cases", case)
    while answer.status_code == 201:  # The pages that the table has already.
        answer = reader.post("/cases", case)
    assert "no room" in problem(answer, 507)["detail"]
    answer = reader.upload(case_id, ("a.png", picture(dice)))
    while answer.status_code == 201:
        kept |= {answer.get_json()["files"][0]["image"]}
        answer = reader.upload(case_id, ("a.png", picture(dice)))
    assert "no room" in problem(answer, 507)["detail"]
    assert "No space left" in (tmp_path / "mariadb.txt").read_text() or "error 28" in (
        tmp_path / "mariadb.txt").read_text(), "it was the disk"
    (small_disk / "junk").unlink()
    kept |= {reader.upload(case_id, ("a.png", picture(dice))).get_json()["files"][0]["image"]}
    with tight.app_context():
        rows = db.session.query(Image).all()
        assert {one.id for one in rows} == kept, "it heals alone, and nothing is there that was refused"
        assert {one.stored_as for one in rows} <= {path.name for path, _ in files_below(tmp_path / "files")}
        assert {one.image_id for one in db.session.query(Prediction)} == kept
