"""Real workers: what is lost when one is killed, who waits for whom, and when they stop."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from threading import Event

import psutil
import pytest
from sqlalchemy import select

from benchmarks.serving.process import free_port
from portal.extensions import db
from portal.services import audit
from portal.services.jobs import queue, run
from portal.storage.tables.administration import AuditEvent
from tests.jobs.conftest import CANCEL_SECONDS, House
from tests.support.patience import PATIENCE, until

pytestmark = pytest.mark.slow
EVERYWHERE = pytest.mark.parametrize("broker", ["files", "redis", "rabbitmq"])
MakeHouse = Callable[..., House]


def computed_once(house: House, job_id: int, parts: int) -> None:
    """Every part was computed once, but for those that were thrown away unfinished."""
    counted = Counter(line.part for line in house.log("computed", job_id))
    assert counted == dict.fromkeys(range(parts), 1)


def ends_of(house: House, job_id: int) -> list[str]:
    with house.app.app_context():
        told = db.session.scalars(select(AuditEvent.action).where(AuditEvent.subject == f"job:{job_id}"))
        return [one for one in told if one != "job.ask"]


def waits(process: int) -> bool:
    """Whether it sleeps, ten times in a row."""
    for _ in range(10):
        if psutil.Process(process).status() != psutil.STATUS_SLEEPING:
            return False
        Event().wait(0.01)
    return True


@EVERYWHERE
def test_a_worker_does_what_is_asked_for(make_house: MakeHouse, broker: str) -> None:
    house = make_house(broker)
    house.start_worker()
    job = house.wait_done(house.ask("parts", parts=3, seconds=0))
    assert (job.state, job.result) == ("done", {"parts": [0, 1, 2]}), job.reason + house.told()


@EVERYWHERE
def test_a_killed_child_costs_the_part_it_was_at(make_house: MakeHouse, broker: str) -> None:
    house = make_house(broker)
    house.start_worker()
    job_id = house.ask("parts", parts=6, seconds=0, held_at=2)
    until(lambda: len(house.log("begun", job_id)) == 3, house.told)
    os.kill(house.log("begun", job_id)[-1].process, signal.SIGKILL)
    house.let_go()
    assert house.wait_done(job_id).result == {"parts": list(range(6))}
    computed_once(house, job_id, 6)
    assert len({line.process for line in house.log("computed", job_id)}) == 2
    assert ends_of(house, job_id) == ["job.done"]


@EVERYWHERE
def test_a_child_that_is_killed_while_it_waits_for_work_is_replaced(make_house: MakeHouse, broker: str) -> None:
    """What it held while it waited must not keep the next one from getting any."""
    house = make_house(broker)
    worker = house.start_worker()
    for _ in range(3):
        house.wait_done(house.ask("short"))
        child = house.log("computed")[-1].process
        until(lambda child=child: waits(child), house.told)  # type: ignore[misc]
        os.kill(child, signal.SIGKILL)
    assert house.wait_done(house.ask("short")).state == "done", house.told()
    assert worker.poll() is None
    assert len({line.process for line in house.log("computed")}) == 4


@EVERYWHERE
def test_a_killed_worker_leaves_its_job_to_another(make_house: MakeHouse, broker: str) -> None:
    house = make_house(broker)
    first = house.start_worker()
    job_id = house.ask("parts", parts=6, seconds=0, held_at=2)
    until(lambda: len(house.log("begun", job_id)) == 3, house.told)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    house.let_go()
    house.start_worker()
    assert house.wait_done(job_id).result == {"parts": list(range(6))}
    computed_once(house, job_id, 6)
    assert ends_of(house, job_id) == ["job.done"]


def test_a_child_without_its_master_ends_nothing_twice(make_house: MakeHouse) -> None:
    """Only the master is killed: its child goes on for a while, beside the next worker."""
    house = make_house("files")
    first = house.start_worker()
    job_id = house.ask("parts", parts=6, seconds=0, held_at=2)
    until(lambda: len(house.log("begun", job_id)) == 3, house.told)
    first.send_signal(signal.SIGKILL)
    first.wait()
    house.start_worker()
    house.let_go()
    assert house.wait_done(job_id).result == {"parts": list(range(6))}
    computed_once(house, job_id, 6)
    assert ends_of(house, job_id) == ["job.done"]


@EVERYWHERE
def test_a_cancelled_job_stops_at_its_next_part(make_house: MakeHouse, broker: str) -> None:
    house = make_house(broker)
    house.start_worker()
    job_id = house.ask("parts", parts=200, seconds=0.3)
    until(lambda: len(house.log("computed", job_id)) >= 2, house.told)
    with house.app.app_context():
        queue.cancel(audit.Actor(user_id=1), job_id)
    begun, computed = len(house.log("begun", job_id)), len(house.log("computed"))
    short = house.ask("short")
    house.wait_done(short)
    assert len(house.log("begun", job_id)) <= begun + 1
    after = [line.job for line in house.log("computed")[computed:]]
    assert after in ([short], [job_id, short]), "the worker was free for another job"
    assert house.job(job_id).state == "cancelled"
    assert house.log("put-together") == []


def test_work_without_parts_stops_when_it_is_cancelled(make_house: MakeHouse) -> None:
    assert run.LOOK_SECONDS < CANCEL_SECONDS, "how often a worker in service looks whether its job is still its own"
    house = make_house("files")
    house.start_worker()
    job_id = house.ask("whole", steps=1_000_000)
    until(lambda: house.job(job_id).done > 1, house.told)
    with house.app.app_context():
        queue.cancel(audit.Actor(user_id=1), job_id)
    assert house.wait_done(house.ask("short")).state == "done"
    assert house.job(job_id).state == "cancelled"


@pytest.mark.parametrize("kind", ["dies", "hangs"])
def test_a_poisonous_job_fails_after_three_tries_and_others_go_on(make_house: MakeHouse, kind: str) -> None:
    house = make_house("files")
    house.start_worker()
    poison = house.ask(kind)
    until(lambda: len(house.log("begun", poison)) == 1, house.told)
    assert house.wait_done(house.ask("short")).state == "done"
    job = house.wait_done(poison)
    assert (job.state, job.tries, len(house.log("begun", poison))) == ("failed", 3, 3)
    assert "stopped the worker each time" in job.reason
    assert house.wait_done(house.ask("short")).state == "done"


@EVERYWHERE
def test_five_hundred_jobs_of_one_do_not_keep_another_waiting(make_house: MakeHouse, broker: str) -> None:
    house = make_house(broker)
    house.ask("short", owner=1, times=500)
    single = house.ask("short", owner=2)
    house.start_worker()
    house.wait_done(single)
    assert [line.job for line in house.log("computed")].index(single) < 3


@EVERYWHERE
def test_two_workers_do_every_job_once(make_house: MakeHouse, broker: str) -> None:
    house = make_house(broker)
    house.ask("meets", times=2)
    house.ask("short", times=200)
    house.start_worker()
    house.start_worker()
    until(lambda: house.count("done") == 202, house.told)
    assert Counter(line.job for line in house.log("computed")) == dict.fromkeys(range(3, 203), 1)
    assert Counter(line.job for line in house.log("met")) == {1: 1, 2: 1}
    assert len({line.process for line in house.log("met")}) == 2, "both worked"


def by_term(worker: subprocess.Popen[bytes]) -> None:
    worker.terminate()


def by_ctrl_c(worker: subprocess.Popen[bytes]) -> None:
    os.killpg(worker.pid, signal.SIGINT)


@pytest.mark.parametrize(("kind", "params", "stop"), [
    ("parts", {"parts": 100, "seconds": 0.2}, by_term), ("whole", {"steps": 600}, by_term),
    ("parts", {"parts": 100, "seconds": 0.2}, by_ctrl_c)])
def test_a_worker_that_is_asked_to_stop_ends_at_the_next_part(
        make_house: MakeHouse, kind: str, params: dict[str, float],
        stop: Callable[[subprocess.Popen[bytes]], None]) -> None:
    house = make_house("files")
    worker = house.start_worker()
    job_id = house.ask(kind, **params)
    until(lambda: house.job(job_id).done > 0, house.told)
    stop(worker)
    assert worker.wait(timeout=PATIENCE) in (0, 1), "Celery ends with 1 after Ctrl-C"
    job = house.job(job_id)
    assert (job.state, job.tries) == ("queued", 0), "stopping is no failed try"


@pytest.mark.parametrize(("kind", "params"), [("parts", {"parts": 40, "seconds": 0.2}), ("whole", {"steps": 60})])
def test_what_a_stopped_worker_gave_back_is_done_once_by_the_next(make_house: MakeHouse, kind: str,
                                                                  params: dict[str, float]) -> None:
    house = make_house("files")
    worker = house.start_worker()
    job_id = house.ask(kind, **params)
    until(lambda: house.job(job_id).done > 0, house.told)
    by_term(worker)
    worker.wait(timeout=PATIENCE)
    assert house.job(job_id).state == "queued"
    house.start_worker()
    assert house.wait_done(job_id).state == "done"
    assert ends_of(house, job_id) == ["job.done"], "one result"
    assert len({line.process for line in house.log("begun", job_id)}) == 2
    if kind == "parts":
        computed_once(house, job_id, 40)


def test_a_job_waits_while_the_broker_is_away(make_house: MakeHouse, tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    """The broker is gone when it is asked for; when it is back, a worker takes the job without being told."""
    port = free_port()
    house = make_house("redis", f"redis://127.0.0.1:{port}/0")
    folder = tmp_path_factory.mktemp("redis")

    def start_broker() -> subprocess.Popen[bytes]:
        return subprocess.Popen(["redis-server", "--port", str(port), "--save", "", "--dir", str(folder)],
                                stdout=subprocess.DEVNULL)

    broker = start_broker()
    try:
        house.start_worker()
        house.wait_done(house.ask("short"))
        broker.terminate()
        broker.wait()
        job_id = house.ask("short")
        assert house.job(job_id).state == "queued"
        broker = start_broker()
        assert house.wait_done(job_id).state == "done"
    finally:
        broker.terminate()
        broker.wait()
