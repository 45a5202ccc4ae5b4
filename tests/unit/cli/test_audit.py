"""`flask audit verify` on a real database: names what was touched, also past the triggers; sealing never forks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import text

from portal.extensions import db
from portal.services import audit
from portal.services.audit import Actor
from portal.services.chain import keeper
from portal.storage.tables.administration import AuditEvent, AuditSeal

FORGED = ("INSERT INTO audit_events (id, at, address, action, subject, details) "
          "VALUES (500, '2026-01-01 00:00:00.000000', '', 'forged', '', '{}')")
GUARDS = ("audit_events_no_update", "audit_events_no_delete", "audit_seals_no_update", "audit_seals_no_delete")


def add(app: Flask, count: int) -> None:
    with app.app_context():
        for number in range(count):
            audit.record(Actor(address="192.0.2.1"), "test", f"case:{number}", n=number)
            db.session.commit()


def seal(app: Flask) -> None:
    with app.app_context():
        keeper.seal_pending()


def verify(app: Flask, *more: str) -> Result:
    return app.test_cli_runner().invoke(args=["audit", "verify", *more])


@pytest.fixture
def bare(app: Flask) -> Iterator[Flask]:
    """A trail of ten sealed events in two seals and three open ones, without triggers: as its database's master has it.

    The triggers come back, for the next test's tables are the same.
    """
    with app.app_context(), db.engine.begin() as connection:
        for guard in GUARDS:
            connection.execute(text(f"DROP TRIGGER {guard}"))
    for count in (6, 4):
        add(app, count)
        seal(app)
    add(app, 3)
    yield app
    body = "SELECT RAISE(ABORT, '{0}');" if db_is_sqlite(app) else "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{0}';"
    with app.app_context(), db.engine.begin() as connection:
        for guard in GUARDS:
            table, _, act = guard.rpartition("_no_")
            connection.execute(text(f"CREATE TRIGGER {guard} BEFORE {act.upper()} ON {table} FOR EACH ROW BEGIN "
                                    + body.format(f"{table} are never changed or deleted") + " END"))


def db_is_sqlite(app: Flask) -> bool:
    return str(app.extensions["settings"].database_url).startswith("sqlite")


def run(app: Flask, *statements: str) -> None:
    with app.app_context(), db.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_a_trail_that_nobody_touched_passes_and_tells_its_head(app: Flask) -> None:
    add(app, 3)
    first = verify(app)
    assert first.exit_code == 0, first.output
    assert "3 events, 3 of them under 1 seals: all in order." in first.output
    told = json.loads(verify(app, "--json").stdout)
    assert (told["ok"], told["events"], told["findings"]) == (True, 4, [])  # the verifying itself is an event
    assert told["head"].startswith("2:")


def test_an_empty_trail_passes(app: Flask) -> None:
    assert verify(app).exit_code == 0


@pytest.mark.parametrize(("statements", "what", "event"), [
    (("UPDATE audit_events SET subject = 'case:99' WHERE id = 3",), "changed", 3),
    (("UPDATE audit_events SET details = '{}' WHERE id = 12",), "changed", 12),
    (("UPDATE audit_events SET at = '2020-01-01 00:00:00.000000' WHERE id = 8",), "changed", 8),
    (("DELETE FROM audit_events WHERE id = 4",), "missing", 4),
    (("UPDATE audit_events SET id = 900 WHERE id = 2", "UPDATE audit_events SET id = 2 WHERE id = 5",
      "UPDATE audit_events SET id = 5 WHERE id = 900"), "moved", 2),
    (("DELETE FROM audit_seals WHERE number = 1",), "seal-missing", None),
    (("UPDATE audit_seals SET last_id = 7 WHERE number = 1",), "seal-changed", None),
    ((FORGED,), "unsigned", 500),
    # The portal numbers from 1. A MariaDB takes 0 by an UPDATE only, and nothing below the last of these.
    ((FORGED, "UPDATE audit_events SET id = 0 WHERE id = 500"), "inserted", 0),
    ((FORGED, "UPDATE audit_events SET id = -1 WHERE id = 500"), "inserted", -1),
    ((FORGED, "UPDATE audit_events SET id = -2147483648 WHERE id = 500"), "inserted", -2**31),
    (("UPDATE audit_events SET id = -5 WHERE id = 13",), "inserted", -5)])
def test_every_act_is_found_and_named(bare: Flask, statements: tuple[str, ...], what: str, event: int | None) -> None:
    run(bare, *statements)
    answer = verify(bare, "--json")
    assert answer.exit_code == 1
    told = json.loads(answer.stdout)
    assert not told["ok"]
    assert (what, event) in [(one["what"], one["event"]) for one in told["findings"]]
    assert all(one["text"] in verify(bare).output for one in told["findings"])


@pytest.mark.parametrize("number", [-3 * 10**9, -2**63])
def test_no_number_is_too_small_to_be_looked_at(bare: Flask, number: int) -> None:
    """A SQLite takes any; a MariaDB refuses these."""
    if db_is_sqlite(bare):
        run(bare, FORGED, f"UPDATE audit_events SET id = {number} WHERE id = 500")
        assert [one["event"] for one in json.loads(verify(bare, "--json").stdout)["findings"]] == [number]


def test_the_end_cut_off_is_found_by_an_anchor_and_by_nothing_else(bare: Flask) -> None:
    seal(bare)
    head = json.loads(verify(bare, "--json").stdout)["head"]
    assert verify(bare, "--anchor", head).exit_code == 0
    run(bare, "DELETE FROM audit_seals WHERE number >= 3", "DELETE FROM audit_events WHERE id > 10")
    assert verify(bare).exit_code == 0
    answer = verify(bare, "--anchor", head)
    assert answer.exit_code == 1
    assert "cut or written anew" in answer.output


@pytest.mark.parametrize("anchor", ["x", "1:abc", ":", "-1:" + "0" * 64])
def test_a_word_that_is_no_anchor_is_refused(app: Flask, anchor: str) -> None:
    assert verify(app, "--anchor", anchor).exit_code == 2


def test_the_same_event_cannot_be_put_in_twice(app: Flask) -> None:
    add(app, 1)
    with app.app_context(), pytest.raises(Exception, match=r"(?i)unique|duplicate"), db.engine.begin() as connection:
        connection.execute(text("INSERT INTO audit_events (at, address, action, subject, details, mac) "
                                "SELECT at, address, action, subject, details, mac FROM audit_events"))


def test_an_event_that_commits_after_its_neighbours_were_sealed_is_taken_in_by_the_next_seal(app: Flask) -> None:
    """Ids are given before the commit: this is what a slow transaction beside a quick one looks like."""
    add(app, 2)
    with app.app_context():
        audit.record(Actor(), "slow")
        db.session.flush()
        slow = db.session.query(AuditEvent).filter_by(action="slow").one()
        values = {column.name: getattr(slow, column.name) for column in AuditEvent.__table__.columns}
        db.session.rollback()
        audit.record(Actor(), "quick")
        quick = next(one for one in db.session.new if isinstance(one, AuditEvent))
        quick.id = values["id"] + 1
        db.session.commit()
        keeper.seal_pending()
        db.session.execute(AuditEvent.__table__.insert().values(values))
        db.session.commit()
        keeper.seal_pending()
        assert db.session.query(AuditSeal).order_by(AuditSeal.number.desc()).first().late == [values["id"]]  # type: ignore[union-attr]
        assert keeper.verify().findings == ()
        assert keeper.seal_pending() == 0


def test_writers_and_sealers_at_once_make_one_chain(app: Flask) -> None:
    writers, sealers, each = 4, 3, 12
    begin = Barrier(writers + sealers)

    def write(number: int) -> None:
        begin.wait()
        for one in range(each):
            with app.app_context():
                audit.record(Actor(), "test", f"case:{number}", n=one)
                if one % 3 == 2:
                    db.session.flush()
                    db.session.rollback()
                    audit.record(Actor(), "test", f"case:{number}", n=one)
                db.session.commit()

    def keep_sealing(_: int) -> None:
        begin.wait()
        for _one in range(each):
            with app.app_context():
                keeper.seal_pending()

    with ThreadPoolExecutor(writers + sealers) as pool:
        for one in [*(pool.submit(write, number) for number in range(writers)),
                    *(pool.submit(keep_sealing, number) for number in range(sealers))]:
            one.result()
    with app.app_context():
        verdict = keeper.verify()
        assert verdict.findings == ()
        assert verdict.sealed == writers * each
        assert [one.number for one in db.session.query(AuditSeal).order_by(AuditSeal.number)] == list(
            range(1, verdict.seals + 1))
