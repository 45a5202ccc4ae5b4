"""A fit under real workers: its program ends with its worker or its job, and the next worker goes on."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from portal.extensions import db
from portal.services import audit
from portal.services.jobs import program, queue, run
from portal.storage.tables.accounts import User
from tests.jobs.conftest import CANCEL_SECONDS, House
from tests.support.patience import until

pytestmark = pytest.mark.slow


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    """Account 1 administers."""
    made = make_house("files")
    with made.app.app_context():
        db.session.execute(update(User).where(User.id == 1).values(role="admin"))
        db.session.commit()
    return made


def begin(house: House) -> tuple[int, int]:
    """A fit that has written a checkpoint and then waits: the job and the process."""
    tell(house, waits_after=1)
    job_id = house.ask("fit", key="leukemia", name="a", base="")
    epochs = house.instance / f"making-job-{job_id}" / "run" / "epochs.jsonl"
    until(lambda: epochs.exists() and house.job(job_id).note != "", house.told)
    return job_id, int(starts(house)[0][2])


def tell(house: House, **told: Any) -> None:
    (house.instance / "stub.json").write_text(json.dumps(told))


def starts(house: House) -> list[list[str]]:
    return [line.split() for line in (house.instance / "stub.log").read_text().splitlines()]


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_workers_program_ends_and_the_next_worker_goes_on(house: House) -> None:
    first = house.start_worker()
    job_id, process = begin(house)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    until(lambda: not is_alive(process))
    tell(house)
    house.start_worker()
    assert house.wait_done(job_id).state == "done", house.told()
    assert [begun for verb, begun, *_ in starts(house) if verb == "fit"] == ["a", "resumed"]
    until(lambda: not list(house.instance.glob("making-*")), house.told)


def test_cancelling_ends_the_program_and_removes_the_images(house: House) -> None:
    in_service = run.LOOK_SECONDS + program.LOOK_SECONDS
    assert in_service < CANCEL_SECONDS, "how often a worker looks at its job, and at its program"
    house.start_worker()
    job_id, process = begin(house)
    with house.app.app_context():
        queue.cancel(audit.Actor(user_id=1), job_id)
    until(lambda: not is_alive(process), house.told)
    until(lambda: not list(house.instance.glob("making-*")))
