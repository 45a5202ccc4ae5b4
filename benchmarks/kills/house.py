"""A portal in processes of its own, readers that upload to it, and an app here that looks at the same database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from benchmarks.kills.load import Load
from benchmarks.kills.portal import Processes
from benchmarks.serving.process import free_port
from portal.app import create_app
from portal.extensions import db
from portal.services import audit
from portal.services.jobs import carrier, queue
from portal.services.jobs.kinds import export
from portal.storage.cases import CaseFilter
from portal.storage.tables.cases import Case, CaseReader
from portal.storage.tables.jobs import Job
from tests.conftest import make_settings
from tests.support import databases
from tests.support.programs import make_token
from tests.support.served import add_user

OPEN = ("queued", "running")


@dataclass(frozen=True)
class House:
    """Nothing runs until `portal.keep_up`; a reader, his token and his case are there."""

    app: Flask
    portal: Processes
    load: Load

    def ask_for_jobs(self, parts: int, seconds: float = 0.05) -> None:
        """One of parts, so that there is something to go on with, and one that leaves a file."""
        with self.app.app_context():
            actor = audit.Actor(user_id=1)
            queue.add(actor, queue.Order(kind="parts", title="parts", params={"parts": parts, "seconds": seconds}))
            queue.add(actor, export.history_order(actor, 1, CaseFilter(), "all", "csv"))
            db.session.commit()
            self.app.extensions["carrier"].wake()

    def open_jobs(self) -> int:
        with self.app.app_context():
            return db.session.query(Job).filter(Job.state.in_(OPEN)).count()


@contextmanager
def build(folder: Path, database_url: str, seed: int, reached_by: str = "", **environment: str) -> Iterator[House]:
    """Ends every process with SIGKILL. `reached_by`: where the processes look for the database, if not there."""
    carrier.QUEUE = f"kills-{seed}"
    app = create_app(make_settings(folder, database_url))
    databases.migrate(app)
    reader = add_user(app)
    port = free_port()
    portal = Processes(folder, {
        "PORTAL_INSTANCE": str(folder), "DATABASE_URL": reached_by or database_url, "SECRET_KEY": "k" * 40,
        "PORT": str(port), "PORTAL_BROKER_URL": "", "PORTAL_BCRYPT_ROUNDS": "4", "PORTAL_UPLOADS_AN_HOUR": "1000000",
        "TEST_QUEUE": carrier.QUEUE,
        **environment}, port)
    load = Load(port, make_token(app, reader), _case_of(app, reader), seed)
    try:
        yield House(app, portal, load)
    finally:
        load.stop()
        portal.stop()
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def _case_of(app: Flask, reader: int) -> int:
    with app.app_context():
        case = Case(owner_id=reader, patient="P-0001", specimen="blood")
        db.session.add(case)
        db.session.flush()
        db.session.add(CaseReader(case_id=case.id, user_id=reader, added_by=reader))
        db.session.commit()
        return case.id
