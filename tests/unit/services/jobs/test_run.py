"""One turn of one job: what is kept, what is thrown away, and who is next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from portal.extensions import db
from portal.services import audit
from portal.services.errors import NotFound
from portal.services.jobs import queue, run, work
from portal.services.jobs.work import JobFailed, Work
from portal.storage import jobs as rows
from portal.storage.files import FilesUnavailable
from portal.storage.tables.administration import AuditEvent, Choice
from portal.storage.tables.columns import now
from portal.storage.tables.jobs import Job, JobPart
from tests.unit.services.jobs.conftest import Queue


def leave_a_row(_work: Work) -> dict[str, Any]:
    db.session.add(Choice(name="left", value="by the job"))
    return {"answer": 42}


def expire(job_id: int) -> None:
    """As if its worker had been killed a while ago."""
    db.session.execute(update(Job).where(Job.id == job_id).values(leased_until=now() - timedelta(seconds=1)))
    db.session.commit()


def make_due(job_id: int) -> None:
    db.session.execute(update(Job).where(Job.id == job_id).values(not_before=None))
    db.session.commit()


def test_a_job_ends_with_its_result_and_the_rows_it_left(jobs: Queue, make_user: Callable[..., int]) -> None:
    job_id = jobs.ask(make_user(), leave_a_row)
    assert not jobs.turn()
    job = jobs.job(job_id)
    assert (job.state, job.result, job.lease) == ("done", {"answer": 42}, None)
    assert db.session.get(Choice, "left") is not None


def test_a_cancelled_job_leaves_nothing_behind(jobs: Queue, make_user: Callable[..., int]) -> None:
    owner = make_user()

    def cancelled_meanwhile(this: Work) -> dict[str, Any]:
        this.keep(0, b"part", done=1, total=2)
        queue.cancel(audit.Actor(user_id=owner), this.job.id)
        return leave_a_row(this)

    job_id = jobs.ask(owner, cancelled_meanwhile)
    jobs.turn()
    assert jobs.job(job_id).state == "cancelled"
    assert db.session.get(Choice, "left") is None
    assert db.session.scalars(select(JobPart)).all() == []


def test_the_file_of_a_result_that_is_thrown_away_goes_too(jobs: Queue, make_user: Callable[..., int]) -> None:
    owner, store, made = make_user(), jobs.app.extensions["files"], list[str]()

    def cancelled_at_its_end(this: Work) -> dict[str, Any]:
        made.append(store.put(b"P-0117", ".csv"))
        queue.cancel(audit.Actor(user_id=owner), this.job.id)
        return {"file": {"stored_as": made[0], "name": "h.csv", "type": "text/csv", "size": 6}}

    jobs.ask(owner, cancelled_at_its_end)
    jobs.turn()
    assert len(made) == 1
    assert not store.local(made[0]).exists()


def test_a_cancelled_job_stops_at_its_next_part(jobs: Queue, make_user: Callable[..., int]) -> None:
    owner, reached = make_user(), []

    def cancelled_between(this: Work) -> dict[str, Any]:
        queue.cancel(audit.Actor(user_id=owner), this.job.id)
        this.keep(0, b"part", done=1, total=2)
        reached.append("beyond")
        return {}

    jobs.ask(owner, cancelled_between)
    jobs.turn()
    assert reached == []
    assert db.session.scalars(select(JobPart)).all() == []


def test_nobody_cancels_the_job_of_another(jobs: Queue, make_user: Callable[..., int]) -> None:
    job_id = jobs.ask(make_user(), leave_a_row)
    with pytest.raises(NotFound):
        queue.cancel(audit.Actor(user_id=make_user(email="other@clinic.example")), job_id)
    assert jobs.job(job_id).state == "queued"


def test_a_job_of_a_worker_that_died_goes_on_with_its_parts(jobs: Queue, make_user: Callable[..., int]) -> None:
    computed: list[int] = []

    def in_parts(this: Work) -> dict[str, Any]:
        for number in sorted({0, 1, 2} - this.finished_parts()):
            computed.append(number)
            this.keep(number, bytes([number]), done=number + 1, total=3)
        return {"sum": sum(part[0] for part in this.parts().values())}

    job_id = jobs.ask(make_user(), in_parts)
    taken = run.take_next("one that dies")
    assert taken is not None
    rows.add_part(job_id, 0, bytes([0]))
    db.session.commit()
    assert not jobs.turn()
    assert jobs.job(job_id).state == "running", "a lease that holds is respected"
    expire(job_id)
    jobs.turn()
    assert jobs.job(job_id).result == {"sum": 3}
    assert computed == [1, 2]
    assert db.session.scalars(select(JobPart)).all() == []


def test_whoever_comes_back_after_its_lease_writes_nothing(jobs: Queue, make_user: Callable[..., int]) -> None:
    def slept_too_long(this: Work) -> dict[str, Any]:
        expire(this.job.id)
        run.release_expired()
        assert run.take_next("another") is not None
        return leave_a_row(this)

    job_id = jobs.ask(make_user(), slept_too_long)
    jobs.turn("the one that slept")
    job = jobs.job(job_id)
    assert (job.state, job.worker, job.result) == ("running", "another", None)
    assert db.session.get(Choice, "left") is None


def test_a_job_that_kills_its_worker_fails_in_the_end(jobs: Queue, make_user: Callable[..., int]) -> None:
    job_id = jobs.ask(make_user(), leave_a_row)
    for _ in range(run.MOST_TRIES):
        assert run.take_next("one that dies") is not None
        expire(job_id)
        run.release_expired()
    job = jobs.job(job_id)
    assert job.state == "failed"
    assert "stopped the worker" in job.reason


def test_a_failure_that_was_foreseen_is_told_at_once(jobs: Queue, make_user: Callable[..., int]) -> None:
    def broken(_work: Work) -> dict[str, Any]:
        raise JobFailed("The slide is broken. Send another copy.")

    job_id = jobs.ask(make_user(), broken)
    jobs.turn()
    job = jobs.job(job_id)
    assert (job.state, job.reason, job.tries) == ("failed", "The slide is broken. Send another copy.", 1)


def test_a_failure_that_nobody_foresaw_is_tried_again_and_told_by_a_number(
        jobs: Queue, make_user: Callable[..., int], caplog: pytest.LogCaptureFixture) -> None:
    def bug(_work: Work) -> dict[str, Any]:
        raise RuntimeError("secret path")

    job_id = jobs.ask(make_user(), bug)
    for _ in range(run.MOST_TRIES):
        make_due(job_id)
        jobs.turn()
    job = jobs.job(job_id)
    assert job.state == "failed"
    assert "secret path" not in job.reason
    number = job.reason.rsplit(" ", 1)[1].rstrip(".")
    assert any(number in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("parts", [0, 1])
def test_a_storage_that_does_not_answer_is_no_failed_try(
        jobs: Queue, make_user: Callable[..., int], parts: int) -> None:
    """However long that lasts: what a job kept, and a slide that was sent for it, go with the job."""
    away = True

    def read_from_the_storage(this: Work) -> dict[str, Any]:
        for number in range(len(this.finished_parts()), parts):
            this.keep(number, b"", done=1, total=2)
        if away:
            raise FilesUnavailable("the object storage does not answer")
        return {"parts": len(this.finished_parts())}

    job_id = jobs.ask(make_user(), read_from_the_storage)
    for _ in range(run.MOST_TRIES + 1):
        make_due(job_id)
        jobs.turn()
        job = jobs.job(job_id)
        assert (job.state, job.tries, job.lease) == ("queued", 0, None)
        assert job.not_before is not None
        assert job.not_before > now() + timedelta(seconds=30), "it is not asked all the time"
    away = False
    make_due(job_id)
    jobs.turn()
    assert jobs.job(job_id).result == {"parts": parts}


def test_progress_makes_a_job_begin_its_tries_anew(jobs: Queue, make_user: Callable[..., int]) -> None:
    def one_part_then_fall(this: Work) -> dict[str, Any]:
        number = len(this.finished_parts())
        if number == run.MOST_TRIES + 1:
            return {}
        this.keep(number, b"", done=number, total=9)
        raise RuntimeError

    job_id = jobs.ask(make_user(), one_part_then_fall)
    for _ in range(run.MOST_TRIES + 2):
        make_due(job_id)
        jobs.turn()
    assert jobs.job(job_id).state == "done"


def test_many_jobs_of_one_do_not_keep_another_waiting(jobs: Queue, make_user: Callable[..., int]) -> None:
    many, one = make_user(), make_user(email="one@clinic.example")
    for _ in range(20):
        jobs.ask(many, lambda _work: {})
    jobs.turn()
    single = jobs.ask(one)
    jobs.turn()
    assert jobs.job(single).state == "done"


def test_a_long_job_gives_way_after_its_slice(jobs: Queue, make_user: Callable[..., int],
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "SLICE_SECONDS", 0.0)
    order: list[str] = []

    def long(this: Work) -> dict[str, Any]:
        for number in sorted({0, 1} - this.finished_parts()):
            order.append(f"long {number}")
            this.keep(number, b"", done=number, total=2)
        return {}

    def short(_work: Work) -> dict[str, Any]:
        order.append("short")
        return {}

    jobs.ask(make_user(), long, kind="long")
    jobs.ask(make_user(email="one@clinic.example"), short, kind="short")
    while jobs.turn():
        pass
    assert order == ["long 0", "short", "long 1"]


@pytest.mark.parametrize("parts", [0, 1])
def test_a_turn_that_the_worker_ends_is_no_failed_try(
        jobs: Queue, make_user: Callable[..., int], parts: int) -> None:
    def asked_to_stop(this: Work) -> dict[str, Any]:
        this.stopping = lambda: True
        for number in range(parts):
            this.keep(number, b"", done=1, total=2)
        this.progress(1, 2)
        return {}

    job_id = jobs.ask(make_user(), asked_to_stop)
    taken = run.take_next("one that dies")
    assert taken is not None
    expire(job_id)
    jobs.turn()
    job = jobs.job(job_id)
    assert (job.state, job.lease) == ("queued", None)
    assert job.tries == (0 if parts else 1), "only a part makes up for the try before"


def test_who_has_one_running_lets_others_go_first(jobs: Queue, make_user: Callable[..., int]) -> None:
    many, one = make_user(), make_user(email="one@clinic.example")
    first, second = jobs.ask(many, lambda _work: {}), jobs.ask(many)
    other = jobs.ask(one)
    taken = [run.take_next("w") for _ in range(3)]
    assert [job and job[0].id for job in taken] == [first, other, second]


def test_a_kind_that_this_machine_does_not_know_fails_with_a_sentence(
        jobs: Queue, make_user: Callable[..., int]) -> None:
    job_id = jobs.ask(make_user(), kind="unheard of")
    jobs.turn()
    assert jobs.job(job_id).state == "failed"


def test_asking_and_ending_are_in_the_audit_trail(jobs: Queue, make_user: Callable[..., int]) -> None:
    job_id = jobs.ask(make_user(), lambda _work: {})
    jobs.turn()
    told = db.session.scalars(select(AuditEvent.action).where(AuditEvent.subject == f"job:{job_id}")).all()
    assert told == ["job.ask", "job.done"]


def test_a_failed_job_can_be_asked_for_again(jobs: Queue, make_user: Callable[..., int]) -> None:
    owner = make_user()

    def broken(_work: Work) -> dict[str, Any]:
        raise JobFailed("No.")

    job_id = jobs.ask(owner, broken)
    jobs.turn()
    jobs.kinds["made"].do = lambda _work: {"now": "well"}
    queue.try_again(jobs.app.extensions["carrier"], audit.Actor(user_id=owner), job_id)
    jobs.turn()
    assert jobs.job(job_id).result == {"now": "well"}
