"""The clock jumps, hours forward and hours back: nobody is locked out, and nothing lasts for ever or comes twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.services import accounts, audit, links, login_guard, second_factor, sightings
from portal.services.backup import daily
from portal.services.chain import keeper
from portal.services.errors import LinkExpired, TooManyTries
from portal.services.jobs import queue, run
from portal.storage import backups, jobs
from portal.storage.tables.accounts import User, UserSession
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.cases import Case
from portal.storage.tables.columns import now
from portal.storage.tables.jobs import Job
from tests.conftest import PASSWORD
from tests.support.client import Client
from tests.support.clock import Clock
from tests.web.test_cases import open_case

READER = "reader@clinic.example"
JUMPS = pytest.mark.parametrize("hours", [3, -3, 24 * 400, -24 * 400])
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def is_in(client: Client) -> bool:
    return client.get("/account").status_code == 200


def enter(client: Client) -> int:
    return client.post("/login", {"email": READER, "password": PASSWORD}).status_code


@JUMPS
def test_nobody_is_locked_out(clock: Clock, app: Flask, make_user: Callable[..., int], hours: int) -> None:
    clock.stand()
    make_user()
    guesser = Client(app)
    for _ in range(7):
        guesser.post("/login", {"email": READER, "password": "wrong wrong wrong"})
    assert guesser.post("/login", {"email": READER, "password": PASSWORD}).status_code != 303, "slowed down"
    clock.move(hours=hours)
    assert enter(Client(app)) == 303


@pytest.mark.parametrize("hours", [3, 24 * 400])
def test_a_login_in_use_goes_on_when_the_clock_goes_back_and_ends_in_its_time(
        clock: Clock, login: Callable[..., Client], hours: int) -> None:
    reader = login()
    clock.move(hours=-hours)
    assert is_in(reader), "not ended while in use"
    clock.move(minutes=14)
    assert is_in(reader)
    clock.move(minutes=16)
    assert not is_in(reader), "left alone for longer than the idle limit"


def test_a_login_lasts_no_longer_than_its_limit_and_the_jump(clock: Clock, login: Callable[..., Client]) -> None:
    reader, lived = login(), 0
    clock.move(hours=-5)
    while is_in(reader):
        clock.move(minutes=10)
        lived += 10
        assert lived <= 17 * 60
    assert lived >= 11 * 60


def test_a_proof_of_the_password_does_not_outlast_a_jump_back(
        clock: Clock, app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    clock.move(hours=-300)
    assert is_in(reader)
    with app.app_context():
        row = db.session.scalars(select(UserSession)).one()
        assert max(row.proven_at or row.created_at, row.created_at, row.seen_at) <= now()


def test_a_login_after_a_jump_forward_is_asked_for_again_and_works(
        clock: Clock, app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    clock.move(hours=24 * 400)
    assert not is_in(reader)
    assert enter(reader) == 303
    clock.move(hours=-24 * 400)
    assert is_in(reader)


def test_a_link_of_a_clock_that_was_ahead_does_not_work_for_long(
        clock: Clock, app: Flask, make_user: Callable[..., int]) -> None:
    user_id = make_user()
    with app.app_context():
        token = links.create_reset_link(links.COMMAND_LINE, user_id, now())
        clock.move(hours=-3)
        assert links.check_reset_link(token, now()).user_id == user_id
        clock.move(hours=-24 * 30)
        with pytest.raises(LinkExpired):
            links.check_reset_link(token, now())
        again = links.create_reset_link(links.COMMAND_LINE, user_id, now())
        assert links.check_reset_link(again, now()).user_id == user_id


@pytest.mark.parametrize("hours", [3, 24 * 400])
def test_a_code_works_after_the_clock_was_set_back(
        clock: Clock, app: Flask, make_user: Callable[..., int], hours: int) -> None:
    make_user()
    settings = app.extensions["settings"]
    with app.app_context():
        user = db.session.scalars(select(User)).one()
        user.totp_secret = second_factor.seal(settings.secret_key, user.id, SECRET)
        for _ in range(2):
            step = second_factor.step_of(now())
            assert second_factor.use(user, second_factor.code_at(SECRET, step), settings, now()) == "code"
            db.session.commit()
            assert second_factor.use(user, second_factor.code_at(SECRET, step), settings, now()) is None, "only once"
            db.session.rollback()
            clock.move(hours=-hours)


@pytest.mark.parametrize("hours", [3, 24 * 400])
def test_a_job_whose_worker_died_before_the_clock_went_back_goes_on(
        clock: Clock, app: Flask, make_user: Callable[..., int], hours: int) -> None:
    owner = make_user()
    with app.app_context():
        order = queue.Order(kind="made", title="A job", params={})
        job_id, second = (queue.submit(app.extensions["carrier"], audit.Actor(user_id=owner), order) for _ in range(2))
        held = run.take_next("w")
        assert held is not None
        assert held[0].id == job_id
        db.session.execute(db.update(Job).where(Job.id == second).values(not_before=now() + timedelta(seconds=5)))
        db.session.commit()
        clock.move(hours=-hours)
        run.release_expired()
        assert jobs.is_held(db.engine, job_id, held[1], None), "its worker may be alive"
        clock.move(seconds=run.LEASE.total_seconds() + 1)
        run.release_expired()
        taken = run.take_next("v")
        assert taken is not None
        assert taken[0].id == job_id
        assert jobs.any_ready(now()), "the one that waited is ready too"


def test_limits_do_not_count_what_a_clock_wrote_that_was_ahead(
        clock: Clock, app: Flask, make_user: Callable[..., int]) -> None:
    with app.app_context():
        for number in range(accounts.REGISTRATIONS_AN_HOUR):
            audit.record(audit.Actor(address="192.0.2.1"), "user.register", f"user:{number}")
        db.session.commit()
        for _ in range(login_guard.TOKEN.free):
            login_guard.count_bad_token("192.0.2.9", now())
        with pytest.raises(TooManyTries):
            login_guard.count_bad_token("192.0.2.9", now())
        with pytest.raises(TooManyTries):
            accounts._refuse_flood("192.0.2.1", now())
        clock.move(hours=-3)
        accounts._refuse_flood("192.0.2.1", now())
        login_guard.count_bad_token("192.0.2.9", now())


def test_a_view_is_written_down_again_after_a_jump_back(clock: Clock, app: Flask) -> None:
    with app.app_context():
        for hours, expected in ((0, 1), (0, 1), (-3, 2)):
            clock.move(hours=hours)
            sightings.note_view(sightings.Sightings(), audit.Actor(), sightings.Seen(action="x.view", kind="x"), now())
            assert len(db.session.scalars(select(AuditEvent).where(AuditEvent.action == "x.view")).all()) == expected


def test_the_backup_of_a_day_is_made_once_and_a_late_one_is_told(
        clock: Clock, app: Flask, tmp_path: Path) -> None:
    settings = replace(app.extensions["settings"], backup_folder=tmp_path, backup_hour=0)

    def claim() -> bool:
        at = now()
        return backups.claim(daily.due_day(settings, at), "t" * 32, at, at - daily.SILENT, at - daily.AGAIN)

    def done() -> None:
        assert backups.write_while_held(daily.due_day(settings, now()), "t" * 32, state="done", ended_at=now())

    clock.stand()
    with app.app_context():
        assert claim()
        done()
        clock.move(days=1)
        assert claim()
        done()
        clock.move(days=-1)
        assert not claim(), "this day has its backup"
        clock.move(days=1)
        assert not claim(), "and that one too"
        clock.move(days=400)
        assert claim()
        done()
        clock.move(days=-397)
        assert daily.last_backup(settings, now()).late, "the one of next year is none of yesterday"
        day = daily.due_day(settings, now())
        assert claim()
        clock.move(hours=-1)
        assert backups.claim(day, "u" * 32, now(), now() - daily.SILENT, now() - daily.AGAIN), "its maker is gone"


@JUMPS
def test_the_audit_trail_stays_verifiable_and_everything_in_order(
        clock: Clock, app: Flask, login: Callable[..., Client], hours: int) -> None:
    reader = login()
    made = [open_case(reader)]
    with app.app_context():
        keeper.seal_pending()
    clock.move(hours=hours)
    enter(reader)
    made.append(open_case(reader))
    with app.app_context():
        keeper.seal_pending()
    clock.move(hours=-hours)
    enter(reader)
    made.append(open_case(reader))
    with app.app_context():
        assert keeper.verify().findings == ()
        assert made == sorted(db.session.scalars(select(Case.id)))
        events = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "case.create")
                                    .order_by(AuditEvent.id)).all()
        assert [one.subject for one in events] == [f"case:{one}" for one in made]
    page = reader.get("/cases").text
    assert all(f"/cases/{one}" in page for one in made)
