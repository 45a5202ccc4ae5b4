"""What a worker does by itself, in a process of its own: the day's backup, the trail's verifying, its sign of life."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from portal.extensions import db
from portal.services import audit, audit_log
from portal.services.backup import daily
from portal.services.backup.check import read_archive
from portal.storage.tables.jobs import Job
from tests.jobs.conftest import House
from tests.support.patience import until

pytestmark = pytest.mark.slow
PASSPHRASE = "a lantern over the harbour"
BROKERS = pytest.mark.parametrize("broker", ["files", "redis"])


def with_backups(house: House, folder: Path) -> House:
    """From now on its workers make a backup a day, and one is due whatever the time of day."""
    folder.mkdir()
    house.environment |= {"PORTAL_BACKUP_FOLDER": str(folder), "PORTAL_BACKUP_PASSPHRASE": PASSPHRASE,
                          "PORTAL_BACKUP_HOUR": "0"}
    house.app.extensions["settings"] = replace(house.app.extensions["settings"], backup_folder=folder, backup_hour=0,
                                               backup_passphrase=PASSPHRASE)
    return house


def figures(house: House) -> dict[str, float]:
    """What /metrics says, without labels."""
    lines = (line.rpartition(" ") for line in house.app.test_client().get("/metrics").text.splitlines()
             if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


@BROKERS
def test_a_worker_makes_the_backup_of_the_day_beside_its_jobs(
        make_house: Callable[..., House], broker: str, tmp_path: Path) -> None:
    house = with_backups(make_house(broker), tmp_path / "backups")
    fill_more(house)
    assert "secondread_backup_age_seconds" not in figures(house)
    house.start_worker()
    assert house.wait_done(house.ask("short")).state == "done"
    until(lambda: figures(house).get("secondread_backup_age_seconds", 1e9) < 600, house.told)
    with house.app.app_context():
        told = daily.last_backup(house.app.extensions["settings"])
    assert (told.reason, told.late) == ("", False), told
    archive = tmp_path / "backups" / told.name
    assert (archive.stat().st_size, figures(house)["secondread_backup_failed"]) == (told.size, 0)
    manifest = read_archive(archive, PASSPHRASE)
    assert (manifest["tables"]["users"]["rows"], manifest["files"]) == (2, 1)
    assert not list((tmp_path / "backups").glob(".*")), "nothing half-made is left"


def fill_more(house: House) -> None:
    """One stored file that a row names: what a job made."""
    with house.app.app_context():
        name = house.app.extensions["files"].put(b"a,b\n1,2\n", ".csv")
        file = {"stored_as": name, "name": "a.csv", "type": "text/csv", "size": 8}
        db.session.add(Job(kind="export", owner_id=1, title="x", state="done", result={"file": file}))
        db.session.commit()


def test_a_backup_whose_worker_is_killed_is_made_by_the_next(
        make_house: Callable[..., House], tmp_path: Path) -> None:
    """Killed at whatever point: there is a whole backup in the end, and nothing else."""
    house = with_backups(make_house("files"), tmp_path / "backups")
    first = house.start_worker()

    def begun() -> bool:
        with house.app.app_context():
            return bool(db.session.scalar(text("SELECT COUNT(*) FROM backups")))

    until(begun, house.told)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    with house.app.app_context():
        # As ten minutes later, when its silence has been noticed.
        db.session.execute(text("UPDATE backups SET seen_at = '2026-01-01 00:00:00.000000' WHERE state = 'running'"))
        db.session.commit()
    house.start_worker()
    until(lambda: "secondread_backup_age_seconds" in figures(house), house.told)
    whole = [path for path in (tmp_path / "backups").iterdir() if path.suffix == ".backup"]
    assert whole
    assert all(read_archive(path, PASSPHRASE) for path in whole)


def test_a_worker_verifies_the_trail_and_is_seen_by_readyz(make_house: Callable[..., House]) -> None:
    house = make_house("files")
    with house.app.app_context():
        for number in range(20):
            audit.record(audit.Actor(user_id=1), "test", f"case:{number}")
        db.session.commit()
    assert "never seen" in house.app.test_client().get("/readyz").get_json()["states"]["worker"]
    house.start_worker()
    until(lambda: house.app.test_client().get("/readyz").get_json()["states"]["worker"] == "is there",
          house.told)
    assert figures(house)["secondread_worker_quiet_seconds"] < 300
    until(lambda: "secondread_audit_verified_ok" in figures(house), house.told)
    with house.app.app_context():
        told = audit_log.last_verified()
    assert told is not None
    assert (told.ok, told.findings, told.events >= 20) == (True, 0, True)
    assert figures(house)["secondread_audit_verified_ok"] == 1
