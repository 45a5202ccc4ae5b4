"""A queue with real workers in processes of their own, on each of the three ways that messages travel."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest
from flask import Flask
from kombu import Connection
from sqlalchemy import select

from portal.app import create_app
from portal.extensions import db
from portal.services import audit
from portal.services.jobs import carrier, queue
from portal.storage.tables.accounts import User
from portal.storage.tables.jobs import Job
from tests.conftest import make_settings
from tests.support import databases
from tests.support.patience import PATIENCE, until
from tests.support.worker_log import GO, LOG

ROOT = Path(__file__).parents[2]
BROKERS = {"files": "", "redis": "redis://127.0.0.1:6379/9", "rabbitmq": "amqp://guest:guest@127.0.0.1:5672//"}
PORTS = {"redis": 6379, "rabbitmq": 5672}
CANCEL_SECONDS = 2
"""Within so many a cancelled job has stopped, unless the machine is busy."""


class Line(NamedTuple):
    """One line of the workers' log."""

    what: str
    job: int
    part: int
    process: int
    at: float


@dataclass
class House:
    """A portal, its accounts 1 and 2, and the workers that were started."""

    app: Flask
    environment: dict[str, str]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_worker(self) -> subprocess.Popen[bytes]:
        with (self.instance / "workers.txt").open("ab") as said:
            worker = subprocess.Popen(
                [sys.executable, "-m", "celery", "--app", "tests.support.worker_app", "--quiet", "worker", "--loglevel",
                 "INFO", "--without-gossip", "--without-mingle", "--without-heartbeat"],
                cwd=ROOT, env={**os.environ, **self.environment}, stdout=said, stderr=said, start_new_session=True)
        self.workers.append(worker)
        return worker

    @property
    def instance(self) -> Path:
        return Path(self.environment["PORTAL_INSTANCE"])

    def ask(self, kind: str, owner: int = 1, times: int = 1, **params: object) -> int:
        """The id of the last of so many jobs, asked for at once."""
        with self.app.app_context():
            order = queue.Order(kind=kind, title=kind, params=params)
            for _ in range(times):
                job_id = queue.add(audit.Actor(user_id=owner), order).id
            db.session.commit()
            self.app.extensions["carrier"].wake()
            return job_id

    def job(self, job_id: int) -> Job:
        with self.app.app_context():
            job = db.session.get(Job, job_id)
            assert job is not None
            db.session.expunge(job)
            return job

    def count(self, state: str) -> int:
        with self.app.app_context():
            return len(db.session.scalars(select(Job.id).where(Job.state == state)).all())

    def log(self, what: str = "", job: int = 0) -> list[Line]:
        path = self.instance / LOG
        parts = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        lines = [Line(one[0], int(one[1]), int(one[2]), int(one[3]), float(one[4])) for one in parts]
        return [one for one in lines if what in ("", one.what) and job in (0, one.job)]

    def let_go(self) -> None:
        """Whatever is held at a part goes on."""
        (self.instance / GO).touch()

    def wait_done(self, job_id: int, seconds: float = PATIENCE) -> Job:
        until(lambda: self.job(job_id).state not in ("queued", "running"), self.told, seconds)
        return self.job(job_id)

    def told(self) -> str:
        path = self.instance / "workers.txt"
        return path.read_text()[-3000:] if path.exists() else ""

    def kill_all(self) -> None:
        for worker in self.workers:
            with suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def make_house(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch,
               ) -> Iterator[Callable[..., House]]:
    """Makes a portal with this broker; on SQLite without one, on MariaDB with one, as clinics and hospitals do."""
    houses: list[House] = []
    name = f"test-{secrets.token_hex(6)}"
    monkeypatch.setattr(carrier, "QUEUE", name)

    def make(broker: str, url: str | None = None) -> House:
        if broker in PORTS and url is None and not answers(PORTS[broker]):
            pytest.skip(f"{broker} does not answer on this machine")
        database = (databases.copy_sqlite(request.getfixturevalue("sqlite_template"), tmp_path / "test.sqlite3")
                    if broker == "files" else str(request.getfixturevalue("mysql_url")))
        broker_url = BROKERS[broker] if url is None else url
        app = create_app(make_settings(tmp_path, database, broker_url=broker_url))
        if broker != "files":
            databases.empty_tables(app)
        with app.app_context():
            db.session.add_all(User(email=f"{one}@clinic.example", name=one, role="clinician", status="approved",
                                    password_hash="-") for one in ("one", "two"))
            db.session.commit()
        house = House(app, {"PORTAL_INSTANCE": str(tmp_path), "DATABASE_URL": database, "SECRET_KEY": "k" * 40,
                            "PORTAL_BROKER_URL": broker_url, "TEST_QUEUE": name})
        houses.append(house)
        return house

    yield make
    for house in houses:
        house.kill_all()
        with house.app.app_context():
            db.engine.dispose()
        url = house.environment["PORTAL_BROKER_URL"]
        if url in BROKERS.values() and url:
            with Connection(url) as connection, suppress(Exception):
                connection.SimpleQueue(name).queue.delete()


