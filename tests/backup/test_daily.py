"""The backup of every day: one worker makes it, some are kept, and the system page tells how it went."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from config import SettingError, load_settings
from portal.extensions import db
from portal.services.backup import daily, sealed
from portal.services.backup.check import read_archive
from portal.services.backup.daily import Keeper, due_day, last_backup
from portal.storage import backups
from portal.storage.tables.columns import now
from tests.backup.conftest import PASSPHRASE
from tests.support.client import Client

DAY = "2026-11-21"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "LOG_N", 10)


@pytest.fixture
def keeping(app: Flask, tmp_path: Path) -> Iterator[Callable[..., Keeper]]:
    """Makes the part of one worker; the folder for backups is there."""
    folder = tmp_path / "backups"
    folder.mkdir()
    app.extensions["settings"] = replace(app.extensions["settings"], backup_folder=folder, backup_keep=2,
                                         backup_passphrase=PASSPHRASE)

    def make(stopping: Callable[[], bool] = lambda: False) -> Keeper:
        return Keeper(app.extensions["settings"], app.extensions["files"], app.app_context, lambda **_: {}, stopping)

    with app.app_context():
        yield make


def claim(day: str = DAY, token: str = "t" * 32, at: datetime | None = None) -> bool:
    moment = at or now()
    return backups.claim(day, token, moment, moment - daily.SILENT, moment - daily.AGAIN)


def test_of_several_workers_one_makes_the_backup_of_a_day(app: Flask) -> None:
    gate, said = threading.Barrier(4), []

    def ask(number: int) -> None:
        with app.app_context():
            gate.wait()
            said.append(claim(token=f"{number}" * 32))

    asking = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    assert sorted(said) == [False, False, False, True]


def test_a_silent_maker_is_replaced_and_can_write_nothing_more(app: Flask) -> None:
    with app.app_context():
        assert claim(token="a" * 32, at=now() - timedelta(minutes=11))
        assert claim(token="b" * 32)
        assert not backups.write_while_held(DAY, "a" * 32, state="done")
        assert backups.write_while_held(DAY, "b" * 32, seen_at=now())


def test_it_is_due_once_the_hour_has_come(app: Flask, tmp_path: Path) -> None:
    settings = app.extensions["settings"]
    assert due_day(settings, datetime(2026, 11, 21, 23)) == "", "without a folder there is none"
    settings = replace(settings, backup_folder=tmp_path, backup_hour=2)
    assert [due_day(settings, datetime(2026, 11, 21, hour)) for hour in (1, 2, 23)] == ["", DAY, DAY]


def test_a_day_is_backed_up_and_old_ones_go(keeping: Callable[..., Keeper], app: Flask, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    old = [folder / f"secondread-2025010{number}-020000.backup" for number in (1, 2, 3)]
    others = [folder / "secondread-mine.backup", folder / "notes.txt"]
    half = folder / ".secondread-20250104-020000.backup.0123abcd.part"
    for path in [*old, *others, half]:
        path.write_bytes(b"x")
    assert claim()
    keeping().make(DAY, "t" * 32)
    told = last_backup(app.extensions["settings"])
    assert (told.reason, told.late, told.missing) == ("", False, 0)
    assert {path.name for path in folder.iterdir()} == {told.name, old[2].name, *(one.name for one in others)}
    assert told.size == (folder / told.name).stat().st_size
    assert read_archive(folder / told.name, PASSPHRASE)["tables"]["users"]["rows"] == 0
    assert not claim(), "once a day"


def test_a_failure_is_told_and_tried_again_an_hour_later(
        keeping: Callable[..., Keeper], app: Flask, tmp_path: Path, login: Callable[..., Client]) -> None:
    (tmp_path / "backups").rmdir()
    assert claim()
    keeping().make(DAY, "t" * 32)
    told = last_backup(app.extensions["settings"])
    assert "disk connected" in told.reason
    assert told.late
    page = login(email="admin@clinic.example", role="admin").get("/admin/system")
    assert "The last backup failed" in page.text
    assert not claim()
    assert claim(at=now() + timedelta(minutes=61))


def test_a_worker_that_stops_leaves_nothing_half_made(
        keeping: Callable[..., Keeper], tmp_path: Path, app: Flask) -> None:
    assert claim()
    with app.app_context():
        db.session.execute(db.text("INSERT INTO choices (name, value, changed_at) VALUES ('a', 'b', '2026-01-01')"))
        db.session.commit()
    keeping(stopping=lambda: True).make(DAY, "t" * 32)
    assert "stopped" in last_backup(app.extensions["settings"]).reason
    assert not list((tmp_path / "backups").iterdir())


@pytest.mark.parametrize(("values", "name"), [
    ({"PORTAL_BACKUP_FOLDER": "/b"}, "PORTAL_BACKUP_PASSPHRASE"),
    ({"PORTAL_BACKUP_FOLDER": "/b", "PORTAL_BACKUP_PASSPHRASE": "short"}, "PORTAL_BACKUP_PASSPHRASE"),
    ({"PORTAL_BACKUP_PASSPHRASE_FILE": "/none"}, "PORTAL_BACKUP_PASSPHRASE_FILE"),
    ({"PORTAL_BACKUP_HOUR": "24"}, "PORTAL_BACKUP_HOUR"), ({"PORTAL_MIN_FREE_MB": "-1"}, "PORTAL_MIN_FREE_MB")])
def test_a_setting_that_cannot_work_is_named(tmp_path: Path, values: dict[str, str], name: str) -> None:
    with pytest.raises(SettingError) as caught:
        load_settings({"PORTAL_INSTANCE": str(tmp_path), **values})
    assert caught.value.name == name
