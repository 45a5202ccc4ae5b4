"""What the portal counts of itself: true whoever counted it, closed to the network, and bounded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from config import Settings
from portal.extensions import db
from portal.services import audit, audit_log
from portal.services.metrics import exposition, families
from portal.storage import heartbeats
from portal.storage.tables.backups import Backup
from portal.storage.tables.columns import now
from portal.storage.tables.jobs import Job
from portal.storage.tables.operations import ModelRun
from tests.conftest import PASSWORD
from tests.support import pictures
from tests.support.client import Client
from tests.web.test_cases import open_case
from tests.web.test_images import upload

TOKEN = "t" * 32


def told(client: Client) -> dict[str, float]:
    """Every sample by its name with its labels."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return {f"{one.name}{dict(sorted(one.labels.items())) or ''}": one.value
            for family in text_string_to_metric_families(answer.text) for one in family.samples}


def by_name(client: Client, name: str) -> dict[str, float]:
    return {key: value for key, value in told(client).items() if key.startswith(name)}


def add_run(app: Flask, minutes_ago: float = 0, **values: object) -> int:
    with app.app_context():
        run = ModelRun(**{"model": "leukemia", "version": "1", "outcome": "scored", "ms": 30.0,
                          "at": now() - timedelta(minutes=minutes_ago), **values})
        db.session.add(run)
        db.session.commit()
        return run.id


@pytest.mark.parametrize(("address", "headers", "status"), [
    ("127.0.0.1", {}, 200), ("::1", {}, 200), ("::ffff:127.0.0.1", {}, 200), ("192.0.2.7", {}, 404), ("", {}, 404),
    ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}, 404), ("127.0.0.1", {"Forwarded": "for=192.0.2.7"}, 404),
    ("192.0.2.7", {"X-Forwarded-For": "127.0.0.1"}, 404), ("192.0.2.7", {"Authorization": f"Bearer {TOKEN}"}, 200),
    ("192.0.2.7", {"Authorization": "Bearer "}, 404), ("192.0.2.7", {"Authorization": f"Bearer {TOKEN}x"}, 404),
    ("192.0.2.7", {"Authorization": f"Basic {TOKEN}"}, 404)])
def test_it_is_told_to_this_machine_or_for_the_token(
        app: Flask, address: str, headers: dict[str, str], status: int) -> None:
    app.extensions["settings"] = replace(app.extensions["settings"], metrics_token=TOKEN)
    answer = app.test_client().get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == status


def test_without_a_token_setting_no_token_opens_it(app: Flask) -> None:
    for headers in ({}, {"Authorization": "Bearer"}, {"Authorization": "Bearer "}):
        assert app.test_client().get("/metrics", headers=headers,
                                     environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code == 404


def test_what_becomes_of_uploads_is_counted(login: Callable[..., Client]) -> None:
    reader = login()
    case_id = open_case(reader)
    upload(reader, case_id, ("a.png", pictures.smear()))
    upload(reader, case_id, ("b.png", pictures.blank()))
    upload(reader, case_id, ("c.png", b"no image"))
    found = told(reader)
    predictions = {key: value for key, value in found.items() if key.startswith("secondread_predictions_total")}
    assert sum(predictions.values()) == 3
    assert {re.search("'outcome': '(.*?)'", key)[1] for key in predictions} == {  # type: ignore[index]
        "scored", "refused", "unreadable"}
    assert any("blank" in key for key in found if key.startswith("secondread_refusals_total"))
    assert sum(value for key, value in found.items() if key.startswith("secondread_prediction_seconds_count")) == 2


def test_a_model_that_crashes_is_counted_as_failed(
        login: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError

    reader = login()
    monkeypatch.setattr(type(reader.app.extensions["engine"]), "read", crash)
    upload(reader, open_case(reader), ("a.png", pictures.smear()))
    [(key, value)] = by_name(reader, "secondread_predictions_total").items()
    assert ("'outcome': 'failed'" in key, value) == (True, 1)


def test_what_another_process_wrote_counts_too_and_nothing_counts_twice(app: Flask, client: Client) -> None:
    for age in (60, 30, 11, 9, 0):
        add_run(app, age)
    for expected in (5, 5):
        assert list(by_name(client, "secondread_predictions_total").values()) == [expected]
    add_run(app)
    assert list(by_name(client, "secondread_predictions_total").values()) == [6]


def test_a_row_that_comes_late_with_an_earlier_number_counts(app: Flask, client: Client) -> None:
    """On MariaDB a transaction that began earlier may end later."""
    late = add_run(app, 1) + 1
    add_run(app, 0, id=late + 1)
    assert list(by_name(client, "secondread_predictions_total").values()) == [2]
    add_run(app, 1, id=late)
    assert list(by_name(client, "secondread_predictions_total").values()) == [3]


def test_the_latencies_are_a_histogram(app: Flask, client: Client) -> None:
    for ms in (10.0, 30.0, 30.0, 70_000.0):
        add_run(app, 20, ms=ms)
    found = by_name(client, "secondread_prediction_seconds")
    buckets = {re.search("'le': '(.*?)'", key)[1]: value for key, value in found.items()  # type: ignore[index]
               if "_bucket" in key}
    assert (buckets["0.025"], buckets["0.05"], buckets["60"], buckets["600"], buckets["+Inf"]) == (1, 3, 3, 4, 4)
    assert next(value for key, value in found.items() if "_sum" in key) == pytest.approx(70.07)


def test_the_queue_and_its_workers(app: Flask, client: Client, make_user: Callable[..., int]) -> None:
    owner = make_user()
    with app.app_context():
        for state, minutes in (("queued", 2), ("queued", 1), ("running", 3), ("done", 9)):
            db.session.add(Job(kind="export", owner_id=owner, title="x", state=state,
                               created_at=now() - timedelta(minutes=minutes)))
        db.session.commit()
        heartbeats.beat("worker@here", now() - timedelta(seconds=90))
    found = told(client)
    assert {key: value for key, value in found.items() if key.startswith("secondread_jobs")} == {
        "secondread_jobs{'kind': 'export', 'state': 'queued'}": 2,
        "secondread_jobs{'kind': 'export', 'state': 'running'}": 1}
    assert 115 < found["secondread_oldest_job_seconds"] < 240
    assert 85 < found["secondread_worker_quiet_seconds"] < 210


def test_only_what_the_house_knows_becomes_a_label(client: Client) -> None:
    before = set(told(client))
    for number in range(30):
        client.get(f"/nowhere/{number}")
        client.get(f"/cases?q=xyzzy{number}")
        client.get(f"/models/xyzzy{number}")
        client._client.open("/", method=f"XYZZY{number}")
    after = told(client)
    assert not [key for key in after if "xyzzy" in key.lower() or "nowhere" in key]
    assert len({key for key in set(after) - before if key.startswith("secondread_requests_total")}) <= 5


def test_failed_logins_are_counted(client: Client, make_user: Callable[..., int]) -> None:
    make_user()
    before = told(client)["secondread_logins_failed_total"]
    client.post("/login", {"email": "reader@clinic.example", "password": "wrong wrong wrong"})
    client.post("/login", {"email": "reader@clinic.example", "password": PASSWORD})
    assert told(client)["secondread_logins_failed_total"] == before + 1


def test_another_part_of_the_house_may_tell_of_itself(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def backups(settings: Settings) -> Iterator[Metric]:
        assert settings.instance
        yield families.gauge("secondread_backup_age_seconds", "Since the last one that succeeded.", 7.0)

    monkeypatch.setattr(exposition, "SOURCES", [backups])
    assert told(client)["secondread_backup_age_seconds"] == 7


def test_it_tells_of_the_last_backup_and_of_one_that_failed(app: Flask, client: Client) -> None:
    assert not by_name(client, "secondread_backup"), "no backup is set up, and none was made"
    with app.app_context():
        db.session.add(Backup(day="2026-03-01", state="done", token="a" * 32, size=12_345,
                                 started_at=now() - timedelta(hours=3), seen_at=now(),
                                 ended_at=now() - timedelta(hours=2)))
        db.session.commit()
    found = by_name(client, "secondread_backup")
    assert found.pop("secondread_backup_age_seconds") == pytest.approx(7200, abs=120)
    assert found == {"secondread_backup_bytes": 12_345, "secondread_backup_failed": 0}
    with app.app_context():
        db.session.add(Backup(day="2026-03-02", state="failed", token="b" * 32, reason="The disk is away.",
                                 started_at=now(), seen_at=now(), ended_at=now()))
        db.session.commit()
    found = by_name(client, "secondread_backup")
    assert (found["secondread_backup_failed"], found["secondread_backup_bytes"]) == (1, 12_345)


def test_it_tells_where_the_audit_chain_stands(app: Flask, client: Client) -> None:
    with app.app_context():
        for _ in range(3):
            audit.record(audit.Actor(), "user.register")
        db.session.commit()
    assert by_name(client, "secondread_audit") == {"secondread_audit_seals": 0, "secondread_audit_unsealed_events": 3}
    with app.app_context():
        assert audit_log.verify(audit.Actor()).ok
    found = by_name(client, "secondread_audit")
    assert 0 <= found.pop("secondread_audit_seal_age_seconds") < 120
    assert 0 <= found.pop("secondread_audit_verified_age_seconds") < 120
    assert found == {"secondread_audit_seals": 1, "secondread_audit_unsealed_events": 1,
                     "secondread_audit_verified_ok": 1}
    with app.app_context():
        audit.record(audit.Actor(), audit_log.VERIFIED, "audit", ok=False, findings=1, events=4, seals=1, head="")
        db.session.commit()
    assert by_name(client, "secondread_audit_verified_ok") == {"secondread_audit_verified_ok": 0}


def test_it_answers_while_the_database_is_away(app: Flask, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.extensions["probe"], "facts", lambda _: None)
    found = told(client)
    assert found["secondread_up{'part': 'database'}"] == 0
    assert found["secondread_up{'part': 'models'}"] == 1
    assert not [key for key in found if key.startswith("secondread_predictions")]
