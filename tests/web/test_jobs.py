"""Pages of jobs: one's own, how far they are, stopping them; and what they must not tell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from portal.extensions import db
from portal.services import audit
from portal.services.jobs import queue
from portal.services.jobs.queue import Order
from portal.storage.tables.accounts import UserSession
from portal.storage.tables.columns import now
from portal.storage.tables.jobs import Job
from tests.support.client import Client
from tests.support.programs import Program, make_token
from tests.web.test_cases import open_case

JSON = {"Accept": "application/json"}


@pytest.fixture
def ask(app: Flask) -> Callable[..., int]:
    """Puts a job of somebody into the queue and returns its id."""

    def put(owner: int = 1, title: str = "Read slide one.svs", case_id: int | None = None) -> int:
        with app.app_context():
            order = Order(kind="unheard of", title=title, params={"secret": "parameter"}, case_id=case_id)
            return queue.submit(app.extensions["carrier"], audit.Actor(user_id=owner), order)

    return put


def change(app: Flask, job_id: int, **values: object) -> None:
    with app.app_context():
        db.session.execute(update(Job).where(Job.id == job_id).values(**values))
        db.session.commit()


def state_of(app: Flask, job_id: int) -> str:
    with app.app_context():
        return str(db.session.scalar(select(Job.state).where(Job.id == job_id)))


def seen_at(app: Flask) -> datetime:
    with app.app_context():
        found = db.session.scalar(select(UserSession.seen_at))
        assert found is not None
        return found


def test_a_reader_sees_their_jobs_and_nobody_elses(login: Callable[..., Client], ask: Callable[..., int]) -> None:
    reader, other = login(), login("other@clinic.example")
    ask(1, "Read slide one.svs")
    job_id = ask(2, "Read slide two.svs")
    assert "one.svs" in reader.get("/jobs").text
    assert "two.svs" not in reader.get("/jobs").text
    assert "two.svs" in other.get(f"/jobs/{job_id}").text
    for method, path in (("get", ""), ("get", "/file"), ("post", "/cancel"), ("post", "/again")):
        assert getattr(reader, method)(f"/jobs/{job_id}{path}").status_code == 404


def test_what_a_job_is_told_to_do_stays_inside(login: Callable[..., Client], ask: Callable[..., int]) -> None:
    reader, job_id = login(), ask()
    assert "parameter" not in reader.get(f"/jobs/{job_id}").text
    assert "parameter" not in reader.get(f"/jobs/{job_id}", headers=JSON).text


def test_a_waiting_job_tells_how_many_have_their_turn_first(
        login: Callable[..., Client], ask: Callable[..., int]) -> None:
    reader, _other = login(), login("other@clinic.example")
    for _ in range(5):
        ask(2)
    job_id = ask(1)
    told = reader.get(f"/jobs/{job_id}", headers=JSON).get_json()
    assert (told["state"], told["ahead"]) == ("queued", 1), "owners take turns"
    assert "behind 1 other job" in " ".join(reader.get(f"/jobs/{job_id}").text.split())


def test_a_running_job_tells_how_far_it_is_and_for_how_long(
        app: Flask, login: Callable[..., Client], ask: Callable[..., int]) -> None:
    reader, job_id = login(), ask()
    change(app, job_id, state="running", done=50, total=200, worked_s=40.0, note="tiles")
    page = reader.get(f"/jobs/{job_id}").text
    assert 'value="25"' in page
    assert "about 2 minutes of work left" in page
    told = reader.get("/jobs", headers=JSON).get_json()["jobs"][0]
    assert (told["percent"], told["seconds_left"]) == (25, 120.0)


def test_a_page_asks_again_only_while_something_is_open(
        app: Flask, login: Callable[..., Client], ask: Callable[..., int]) -> None:
    reader, job_id = login(), ask()
    for path in ("/jobs", f"/jobs/{job_id}"):
        page = reader.get(path).text
        assert 'hx-trigger="every 2s"' in page
        assert '<noscript><meta http-equiv="refresh"' in page, "without scripts the page is loaded again"
    change(app, job_id, state="done", result={})
    for path in ("/jobs", f"/jobs/{job_id}"):
        page = reader.get(path).text
        assert "hx-trigger" not in page
        assert 'http-equiv="refresh"' not in page


def test_a_page_that_asks_again_by_itself_keeps_no_login_alive(
        app: Flask, login: Callable[..., Client], ask: Callable[..., int]) -> None:
    reader, _job = login(), ask()
    before = now() - timedelta(minutes=5)
    with app.app_context():
        db.session.execute(update(UserSession).values(seen_at=before))
        db.session.commit()
    reader.get("/jobs?watched=1")
    assert seen_at(app) == before
    reader.get("/jobs")
    assert seen_at(app) > before


def test_a_job_is_cancelled_and_asked_for_again(
        app: Flask, login: Callable[..., Client], ask: Callable[..., int]) -> None:
    reader, job_id = login(), ask()
    assert reader.post(f"/jobs/{job_id}/cancel").location == f"/jobs/{job_id}"
    assert state_of(app, job_id) == "cancelled"
    assert "Try again" in reader.get(f"/jobs/{job_id}").text
    assert reader.post(f"/jobs/{job_id}/again").status_code == 303
    assert state_of(app, job_id) == "queued"


def test_a_job_whose_file_is_deleted_by_now_is_not_tried_again(
        app: Flask, login: Callable[..., Client], ask: Callable[..., int]) -> None:
    reader, job_id = login(), ask()
    change(app, job_id, state="failed", params={"delivery": 1}, reason="The slide is damaged.")
    assert "Try again" not in reader.get(f"/jobs/{job_id}").text
    reader.post(f"/jobs/{job_id}/again")
    assert state_of(app, job_id) == "failed"


def test_older_jobs_are_on_the_next_page(login: Callable[..., Client], ask: Callable[..., int]) -> None:
    reader = login()
    for number in range(queue.PAGE + 1):
        ask(1, f"Job number {number}.")
    page = reader.get("/jobs").text
    assert "Job number 0." not in page
    assert "/jobs?before=2" in page
    assert "Job number 0." in reader.get("/jobs?before=2").text
    assert reader.get("/jobs?before=-7").status_code == 200
    assert reader.get("/jobs?before=99999999999999999999").status_code == 200


def test_every_menu_says_how_many_are_on_the_way(
        app: Flask, login: Callable[..., Client], ask: Callable[..., int]) -> None:
    reader = login()
    assert "on the way" not in reader.get("/").text
    job_id = ask()
    ask()
    assert "2 on the way" in reader.get("/").text
    change(app, job_id, state="failed", reason="No.")
    assert "1 on the way" in reader.get("/").text


def test_a_case_shows_what_is_on_its_way_to_all_its_readers(
        login: Callable[..., Client], ask: Callable[..., int]) -> None:
    owner, colleague, stranger = login(), login("colleague@clinic.example"), login("stranger@clinic.example")
    case_id = open_case(owner)
    owner.post(f"/cases/{case_id}/readers", {"reader": "2"})
    job_id = ask(1, "Read slide one.svs", case_id)
    for reader in (owner, colleague):
        for path in (f"/cases/{case_id}", f"/cases/{case_id}/jobs"):
            assert "Read slide one.svs" in reader.get(path).text
    assert f"/jobs/{job_id}" not in colleague.get(f"/cases/{case_id}").text, "only its owner may change it"
    assert "by Reader" in colleague.get(f"/cases/{case_id}").text
    assert stranger.get(f"/cases/{case_id}/jobs").status_code == 404


def test_a_case_tells_of_a_failed_job_for_a_week(
        app: Flask, login: Callable[..., Client], ask: Callable[..., int]) -> None:
    reader = login()
    case_id = open_case(reader)
    job_id = ask(1, "Read slide one.svs", case_id)
    change(app, job_id, state="failed", reason="The slide is broken.", ended_at=now())
    assert "The slide is broken." in reader.get(f"/cases/{case_id}").text
    change(app, job_id, ended_at=now() - timedelta(days=8))
    assert "The slide is broken." not in reader.get(f"/cases/{case_id}").text


def test_an_administrator_sees_the_queue(
        app: Flask, login: Callable[..., Client], ask: Callable[..., int]) -> None:
    chief = login(role="admin")
    assert "Nothing waits." in chief.get("/admin/system").text
    ask()
    assert "The oldest that waits" in chief.get("/admin/system").text


def test_a_job_whose_broker_is_away_is_asked_for_all_the_same(
        app: Flask, login: Callable[..., Client], ask: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_args: object, **_kwargs: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(app.extensions["carrier"].celery, "send_task", away)
    reader, job_id = login(), ask()
    assert reader.get(f"/jobs/{job_id}", headers=JSON).get_json()["state"] == "queued"


def test_programs_see_their_jobs_and_stop_them(
        app: Flask, login: Callable[..., Client], ask: Callable[..., int]) -> None:
    login()
    login("other@clinic.example")
    program, other = (Program(app, make_token(app, user)) for user in (1, 2))
    job_id = ask()
    told = program.get(f"/jobs/{job_id}").get_json()
    assert told["state"] == "queued"
    assert program.get("/jobs").get_json() == {"jobs": [told], "next_cursor": None}
    for path in ("/cancel", "/again"):
        assert other.post(f"/jobs/{job_id}{path}", None).status_code == 404
    assert program.post(f"/jobs/{job_id}/cancel", None).get_json()["state"] == "cancelled"
    assert program.post(f"/jobs/{job_id}/again", None).get_json()["state"] == "queued"
    assert other.get(f"/jobs/{job_id}").status_code == 404
