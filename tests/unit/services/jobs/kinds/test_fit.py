"""Fine-tuning as a job: what it makes, how it is stopped, lets others go first and goes on, and what it leaves."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from models.comparison import load_comparison
from models.imaging.limits import OUR_OWN
from portal.extensions import db
from portal.services import audit, fitting, housekeeping, offers
from portal.services.errors import FitRefused
from portal.services.jobs import program, queue, run, work
from portal.services.jobs.kinds import fit
from portal.services.jobs.product import lasting_workshop
from portal.services.uploads import Desk
from portal.storage.tables.accounts import User
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.columns import now
from portal.storage.tables.jobs import Job
from tests.support.own import SPEC
from tests.support.reviewed import Ward

ANNA, CHIEF = "anna@clinic.example", "chief@clinic.example"


@dataclass
class Bench:
    """A portal with reviewed images, an administrator, and the stub in place of the training side."""

    app: Flask
    chief: int
    instance: Path

    def tell(self, **told: Any) -> None:
        (self.instance / "stub.json").write_text(json.dumps(told))

    def ask(self, name: str = "a") -> int:
        actor = audit.Actor(user_id=self.chief)
        offer = fitting.find_offer(self.app.extensions["engine"], "leukemia", self.chief, "admin")
        order = fitting.order(actor, offer, name, SPEC.version, everyone=True)
        return queue.submit(self.app.extensions["carrier"], actor, order)

    def turn(self, at_a_sign_of_life: Callable[[], None] = lambda: None, stopping: bool = False) -> None:
        parts = self.app.extensions
        desk = Desk(engine=parts["engine"], store=parts["files"], writer=parts["writer"], limits=OUR_OWN)
        run.run_next({"fit": fit}, desk, parts["settings"], parts["carrier"], "w",
                     lambda seconds: at_a_sign_of_life() if seconds else None,
                     lambda: stopping and bool(self.starts()))

    def job(self, job_id: int) -> Job:
        return db.session.get_one(Job, job_id, populate_existing=True)

    def starts(self) -> list[list[str]]:
        path = self.instance / "stub.log"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def epochs(self, job_id: int) -> int:
        path = lasting_workshop(self.app.extensions["settings"], job_id) / "run" / "epochs.jsonl"
        return path.read_text().count("\n") if path.exists() else 0

    def left_behind(self) -> list[Path]:
        return list(self.instance.glob("making-*"))


@pytest.fixture
def bench(app: Flask, make_user: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    make_user(ANNA)
    chief, ward = make_user(CHIEF, role="admin"), Ward(app)
    for number in range(2):
        case = ward.case(ANNA, patient=f"P-{number}")
        ward.review(ward.image(case, bytes([number]), "leukemia", label="Pro"), ANNA)
    ward.image(case, b"unread", "leukemia", label="Pro")
    monkeypatch.setattr(fit, "MODULE", "tests.support.stub_training")
    monkeypatch.setattr(program, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(work, "NOTED_EVERY", 0.0)
    with app.app_context():
        made = Bench(app, chief, app.extensions["settings"].instance)
        made.tell()
        yield made


def is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    return True


def test_a_version_is_made_compared_and_installed_but_not_offered(bench: Bench) -> None:
    job_id = bench.ask("spring")
    bench.turn()
    job, engine = bench.job(job_id), bench.app.extensions["engine"]
    version = f"{SPEC.version}.own-spring"
    assert (job.state, job.reason, job.result) == ("done", "", {"version": {"key": "leukemia", "version": version}})
    assert [(verb, begun, rows) for verb, begun, _pid, rows in bench.starts()] == [
        ("fit", "spring", "2"), ("export", "-", "2"), ("compare", "-", "2")], "the images that were reviewed"
    assert engine.state("leukemia", version).ok
    assert load_comparison(engine.spec("leukemia", version), engine.own_folder) is not None
    assert offers.active_spec(engine, "leukemia").version == SPEC.version
    housekeeping.clear_ended(bench.app.extensions["settings"])
    assert bench.left_behind() == []
    actions = db.session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)).all()
    assert actions[-4:] == ["model.fit", "job.ask", "model.install", "job.done"]


def test_it_says_how_far_it_is(bench: Bench) -> None:
    bench.tell(epochs=4, waits_after=2)
    job_id, told = bench.ask(), []

    def look() -> None:
        job = db.session.get_one(Job, job_id)
        told.append((job.note, job.done, job.total))
        if job.note.startswith("Epoch 2"):
            queue.cancel(audit.Actor(user_id=bench.chief), job_id)

    bench.turn(look)
    assert ("Epoch 2 of at most 4", fit.FITTED * 3 // 8, fit.TOTAL) in told


def test_a_cancelled_fit_ends_with_its_program_and_leaves_no_image(bench: Bench) -> None:
    bench.tell(waits_after=1)
    job_id = bench.ask()

    def cancel_it() -> None:
        if bench.epochs(job_id):
            queue.cancel(audit.Actor(user_id=bench.chief), job_id)

    bench.turn(cancel_it)
    assert bench.job(job_id).state == "cancelled"
    assert not is_alive(bench.starts()[0][2])
    assert bench.left_behind() == []
    assert not list(bench.instance.glob("models/*"))


def test_it_lets_the_jobs_of_others_go_first_and_goes_on_where_it_was(
        bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "SLICE_SECONDS", 0.0)
    bench.tell(epochs=3, waits_after=2)
    job_id = bench.ask()
    bench.turn()
    assert bench.job(job_id).state == "queued", "a turn may end once the images are there"
    assert bench.starts() == []
    asked: list[int] = []

    def somebody_asks() -> None:
        if bench.epochs(job_id) == 2 and not asked:
            order = queue.Order(kind="other", title="Another", params={})
            asked.append(queue.submit(bench.app.extensions["carrier"], audit.Actor(user_id=1), order))

    bench.turn(somebody_asks)
    job = bench.job(job_id)
    assert (job.state, job.tries) == ("queued", 0)
    assert not is_alive(bench.starts()[0][2])
    bench.turn()
    assert bench.job(asked[0]).state == "failed", "the other one had its turn: nobody here knows its kind"
    bench.turn()
    assert bench.job(job_id).state == "done"
    assert [begun for verb, begun, *_ in bench.starts() if verb == "fit"] == ["a", "resumed"]


def test_nobody_else_waiting_it_keeps_its_turn(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.tell(epochs=2)
    job_id = bench.ask()
    monkeypatch.setattr(work, "SLICE_SECONDS", 0.0)
    bench.turn()
    bench.turn()
    assert bench.job(job_id).state == "done"
    assert len(bench.starts()) == 3


def test_a_worker_that_is_asked_to_stop_keeps_the_checkpoint(bench: Bench) -> None:
    bench.tell(epochs=3, waits_after=1)
    job_id = bench.ask()
    bench.turn(stopping=True)
    assert bench.job(job_id).state == "queued"
    assert not is_alive(bench.starts()[0][2])
    bench.tell(epochs=3)
    bench.turn()
    assert bench.job(job_id).state == "done"


@pytest.mark.parametrize(("told", "reason"), [
    ({"sentence": "There are 2 images to learn from; at least 30 are needed."}, "There are 2 images to learn from"),
    ({"status": 2}, "does not learn from a clinic’s own images"),
    ({"crash": "secret of the machine"}, "Tell your administrator the number"),
])
def test_a_failure_is_told_in_a_sentence(bench: Bench, told: dict[str, Any], reason: str) -> None:
    bench.tell(**told)
    job_id = bench.ask()
    bench.turn()
    job = bench.job(job_id)
    assert job.state == "failed"
    assert reason in job.reason
    assert "secret" not in job.reason
    assert "Traceback" not in job.reason
    assert bench.left_behind() == []


def test_what_nobody_foresaw_goes_to_the_operators_log(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.tell(crash="out of the blue")
    job_id = bench.ask()
    bench.turn()
    number = bench.job(job_id).reason.rstrip(".").split()[-1]
    assert f"error {number}" in caplog.text
    assert "ValueError" in caplog.text
    assert "out of the blue" not in caplog.text, "it may quote what somebody sent"


def test_without_torch_it_says_where_to_fine_tune_instead(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else found(name))
    job_id = bench.ask()
    bench.turn()
    assert "flask models install" in bench.job(job_id).reason
    assert bench.starts() == []
    assert bench.left_behind() == []


def test_only_an_administrators_job_learns(bench: Bench) -> None:
    job_id = bench.ask()
    db.session.execute(update(User).where(User.id == bench.chief).values(role="clinician"))
    db.session.commit()
    bench.turn()
    assert bench.job(job_id).reason == fit.NO_ADMINISTRATOR
    assert bench.starts() == []


def test_a_system_is_fine_tuned_by_one_job_at_a_time(bench: Bench, make_user: Callable[..., int]) -> None:
    first = bench.ask()
    with pytest.raises(FitRefused, match=f"Job {first} "):
        bench.ask("b")
    params = {"key": "leukemia", "name": "b", "base": ""}
    second = queue.submit(bench.app.extensions["carrier"], audit.Actor(user_id=make_user("two@a.example", "admin")),
                          queue.Order(kind="fit", title="At the same moment", params=params))
    bench.tell(waits_after=1)
    bench.turn(stopping=True)
    bench.turn()
    assert bench.job(second).reason == fit.BUSY.format(number=first)
    assert bench.job(first).state == "queued"


def test_a_name_that_is_taken_is_refused(bench: Bench) -> None:
    bench.ask()
    bench.turn()
    with pytest.raises(FitRefused, match="Choose another name"):
        bench.ask()


def test_a_fit_cancelled_between_two_turns_leaves_no_image_either(bench: Bench) -> None:
    bench.tell(waits_after=1)
    job_id, settings = bench.ask(), bench.app.extensions["settings"]
    bench.turn(stopping=True)
    housekeeping.clear_ended(settings)
    assert (lasting_workshop(settings, job_id) / "data" / "labels.csv").is_file(), "its next turn needs it"
    queue.cancel(audit.Actor(user_id=bench.chief), job_id)
    housekeeping.clear_ended(settings)
    assert bench.left_behind() == []


def test_a_worker_killed_before_the_end_is_committed_leaves_nothing_to_fit_again(
        bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = bench.ask("spring")
    with monkeypatch.context() as killed:
        killed.setattr(run, "_end", lambda *_args, **_values: None)
        bench.turn()
    db.session.rollback()
    db.session.execute(update(Job).values(leased_until=now() - timedelta(seconds=1)))
    db.session.commit()
    housekeeping.clear_ended(bench.app.extensions["settings"])
    bench.turn()
    job = bench.job(job_id)
    assert (job.state, job.reason) == ("done", "")
    assert [verb for verb, *_ in bench.starts()] == ["fit", "export", "compare"]


def test_asked_for_again_it_gathers_the_images_again(bench: Bench) -> None:
    bench.tell(waits_after=1)
    job_id = bench.ask()
    bench.turn(stopping=True)
    queue.cancel(audit.Actor(user_id=bench.chief), job_id)
    case = Ward(bench.app).case(ANNA, patient="P-9")
    Ward(bench.app).review(Ward(bench.app).image(case, b"new", "leukemia", label="Pre"), ANNA)
    queue.try_again(bench.app.extensions["carrier"], audit.Actor(user_id=bench.chief), job_id)
    bench.tell()
    bench.turn()
    assert bench.job(job_id).state == "done"
    assert [(begun, rows) for verb, begun, _pid, rows in bench.starts() if verb == "fit"] == [("a", "2"), ("a", "3")]
