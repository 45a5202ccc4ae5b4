"""A queue whose kinds are functions of the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask

from models.imaging.limits import Limits
from portal.extensions import db
from portal.services import audit
from portal.services.jobs import queue, run
from portal.services.jobs.work import Work
from portal.services.uploads import Desk
from portal.storage.tables.jobs import Job


@dataclass
class Made:
    """A kind of job: what it does is a function."""

    do: Callable[[Work], dict[str, Any]]
    NAME: str = "made"
    PATIENCE: float = 60.0

    def run(self, work: Work) -> dict[str, Any]:
        return self.do(work)


@dataclass
class Queue:
    """The queue of one portal, worked at in this process."""

    app: Flask
    kinds: dict[str, Made] = field(default_factory=dict)

    def ask(self, owner: int, do: Callable[[Work], dict[str, Any]] | None = None, kind: str = "made") -> int:
        if do:
            self.kinds[kind] = Made(do)
        order = queue.Order(kind=kind, title="A job", params={})
        return queue.submit(self.app.extensions["carrier"], audit.Actor(user_id=owner), order)

    def turn(self, worker: str = "w") -> bool:
        app = self.app
        desk = Desk(engine=app.extensions["engine"], store=app.extensions["files"],
                    writer=app.extensions["writer"], limits=Limits(max_bytes=1, max_pixels=1))
        return run.run_next(self.kinds, desk, app.extensions["settings"], app.extensions["carrier"], worker)

    def job(self, job_id: int) -> Job:
        job = db.session.get(Job, job_id, populate_existing=True)
        assert job is not None
        return job


@pytest.fixture
def jobs(app: Flask) -> Iterator[Queue]:
    with app.app_context():
        yield Queue(app)
