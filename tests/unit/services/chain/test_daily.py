"""The worker verifies the whole trail once a day, one worker of several, and says loudly what it finds."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import text

from portal.extensions import db
from portal.services import audit, audit_log
from portal.services.audit import Actor
from portal.services.chain import daily, keeper
from portal.services.chain.daily import Verifier, is_due
from portal.storage import audit_seals
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.columns import now
from tests.support.client import Client
from tests.support.clock import Clock

FORGED = ("INSERT INTO audit_events (at, action, address, subject, details) "
          "VALUES ('2026-11-21 12:00:00.000005', 'case.delete', '', 'case:1', '{}')")


@pytest.fixture
def trail(app: Flask) -> Flask:
    """Some events, sealed."""
    with app.app_context():
        for number in range(7):
            audit.record(Actor(address="192.0.2.1"), "test", f"case:{number}", n=number)
            db.session.commit()
        keeper.seal_pending()
    return app


def worker(app: Flask, stopping: Callable[[], bool] = lambda: False) -> Verifier:
    return Verifier(app.app_context, stopping)


def verifyings(app: Flask) -> list[AuditEvent]:
    with app.app_context():
        return list(db.session.scalars(db.select(AuditEvent).where(AuditEvent.action == audit_log.VERIFIED)))


def test_it_is_verified_once_a_day(trail: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    for hours, expected in ((0, 1), (23, 1), (2, 2)):
        clock.move(hours=hours)
        with trail.app_context():
            verifier = worker(trail)
            verifier.look()
            if verifier._thread:
                verifier._thread.join()
        assert len(verifyings(trail)) == expected
    last = verifyings(trail)[-1]
    assert (last.actor_id, last.address, last.details["ok"]) == (None, "worker", True)


def test_of_several_workers_one_verifies(trail: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, verify = threading.Barrier(4), keeper.verify

    def slow(*args: object) -> keeper.Verdict:
        # Until the others have looked too.
        end = time.monotonic() + 60
        while sum(one.is_alive() for one in working) > 1 and time.monotonic() < end:
            time.sleep(0.01)
        return verify(*args)  # type: ignore[arg-type]

    def work() -> None:
        gate.wait()
        worker(trail).verify()

    monkeypatch.setattr(audit_log.keeper, "verify", slow)
    working = [threading.Thread(target=work) for _ in range(4)]
    for one in working:
        one.start()
    for one in working:
        one.join()
    assert len(verifyings(trail)) == 1


def test_what_is_found_is_said_loudly_once_and_shown(
        trail: Flask, login: Callable[..., Client], caplog: pytest.LogCaptureFixture) -> None:
    admin = login("admin@clinic.example", "admin")
    assert "It was not verified yet" in admin.get("/admin/system").text
    with trail.app_context(), db.engine.begin() as connection:
        connection.execute(text(FORGED))
    with caplog.at_level(logging.INFO, "portal.audit"):
        worker(trail).verify()
    loud = [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR]
    assert len(loud) == 1
    assert "INTERFERED WITH THE AUDIT TRAIL: 1 findings" in loud[0]
    assert "unsigned" in loud[0]
    last, = verifyings(trail)
    assert (last.details["ok"], last.details["findings"]) == (False, 1)
    page = admin.get("/admin/system").text
    assert "Somebody interfered with the audit trail" in page
    assert "flask audit verify" in page
    assert "secondread_audit_verified_ok 0.0" in trail.test_client().get("/metrics").text


def test_an_event_under_a_number_that_the_portal_never_gives_is_found_by_the_worker(
        trail: Flask, caplog: pytest.LogCaptureFixture) -> None:
    with trail.app_context(), db.engine.begin() as connection:
        connection.execute(text(FORGED.replace("(at,", "(id, at,").replace("VALUES (", "VALUES (-2147483648, ")))
    worker(trail).verify()
    assert "1 findings among 8 events, the first: inserted (event -2147483648" in caplog.text
    assert verifyings(trail)[0].details["ok"] is False


def test_the_page_says_that_all_was_in_order_and_when_it_is_late(
        trail: Flask, login: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    worker(trail).verify()
    admin = login("admin@clinic.example", "admin")
    page = admin.get("/admin/system").text
    assert "7 events, all in order" in page
    assert "not verified lately" not in page
    clock.move(hours=37)
    assert "not verified lately" in login("second@clinic.example", "admin").get("/admin/system").text


def test_one_of_a_clock_that_was_ahead_hides_nothing(trail: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    clock.move(days=400)
    worker(trail).verify()
    clock.move(days=-400)
    with trail.app_context():
        assert is_due()
    worker(trail).verify()
    with trail.app_context():
        assert not is_due()
    assert len(verifyings(trail)) == 2


def test_it_rests_in_between_and_leaves_no_transaction_open(trail: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    rested: list[bool] = []
    monkeypatch.setattr(audit_seals, "AT_ONCE", 2)
    with trail.app_context():
        keeper.verify(pace=lambda: rested.append(db.session().in_transaction()))
    assert rested == [False] * 3


def test_a_worker_that_ends_gives_it_up_and_another_does_it(trail: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_seals, "AT_ONCE", 2)
    worker(trail, stopping=lambda: True).verify()
    assert verifyings(trail) == []
    worker(trail).verify()
    assert len(verifyings(trail)) == 1


def test_what_fails_is_told_and_not_tried_again_at_once(
        trail: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    verifier = worker(trail)
    with monkeypatch.context() as broken:
        broken.setattr(audit_log.keeper, "verify", lambda *_: 1 / 0)
        verifier.verify()
    assert "could not be verified" in caplog.text
    with trail.app_context():
        verifier.look()
    assert (verifier._thread, verifyings(trail)) == (None, [])
    verifier._not_before -= daily.AGAIN_SECONDS
    with trail.app_context():
        verifier.look()
        assert verifier._thread
        verifier._thread.join()
    assert len(verifyings(trail)) == 1


@pytest.mark.parametrize("details", ['{"ok": true, "findings": 0, "events": 7}', "{}"])
def test_a_verifying_that_the_portal_did_not_write_down_counts_for_nothing(
        trail: Flask, login: Callable[..., Client], details: str) -> None:
    admin = login("admin@clinic.example", "admin")
    forged = text("INSERT INTO audit_events (at, action, address, subject, details, mac) "
                  "VALUES (:at, 'audit.verify', 'worker', 'audit', :details, :mac)")
    with trail.app_context():
        with db.engine.begin() as connection:
            for mac in (None, keeper.keys().current.name + "0" * 48):
                connection.execute(forged, {"at": now(), "details": details, "mac": mac})
        assert is_due()
    assert "It was not verified yet" in admin.get("/admin/system").text
    assert admin.get("/admin/audit").status_code == 200
    assert "secondread_audit_verified_ok" not in trail.test_client().get("/metrics").text
    worker(trail).verify()
    with trail.app_context():
        last = audit_log.last_verified()
        assert last
        assert (last.ok, last.findings) == (False, 2), "its own is found beside the others"


def test_a_look_that_fails_costs_the_jobs_nothing(
        trail: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    verifier = worker(trail)
    with trail.app_context():
        with monkeypatch.context() as broken:
            broken.setattr(daily, "is_due", lambda: 1 / 0)
            verifier.look()
        assert "could not be verified" in caplog.text
        verifier.look()
        assert verifier._thread is None
        verifier._not_before -= daily.AGAIN_SECONDS
        verifier.look()
        assert verifier._thread
        verifier._thread.join()
    assert len(verifyings(trail)) == 1


def test_a_trail_that_was_never_verified_is_late_too(
        trail: Flask, login: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    assert "not verified lately" not in login("admin@clinic.example", "admin").get("/admin/system").text
    clock.move(hours=37)
    page = login("second@clinic.example", "admin").get("/admin/system").text
    assert "not verified lately" in page
    assert page.count("The worker does so once a day") == 1
