"""What is typed is its reader's alone, is bounded, goes with the review, and outlives the login it was typed in."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from itsdangerous import URLSafeTimedSerializer, timed

from portal.extensions import db
from portal.services.drafts import MOST_CHARACTERS
from portal.storage.tables.accounts import User, UserSession
from portal.storage.tables.cases import CaseReader
from portal.storage.tables.readings import Review, ReviewDraft
from portal.views import carried
from tests.conftest import PASSWORD
from tests.support import pictures
from tests.support.client import Client
from tests.web.test_cases import open_case
from tests.web.test_images import only, rows, upload

FIELD = re.compile(r'name="(ticket|carried)"[^>]*value="([^"]*)"')


@pytest.fixture
def reader(login: Callable[..., Client]) -> Client:
    return login()


@pytest.fixture
def case_id(reader: Client) -> int:
    return open_case(reader)


@pytest.fixture
def scored(reader: Client, case_id: int) -> int:
    return int(only(upload(reader, case_id, ("one.png", pictures.smear())))["prediction"])


def field(page: str, name: str) -> str:
    return next(value for found, value in FIELD.findall(page) if found == name)


def ticket(client: Client, prediction_id: int) -> str:
    return field(client.get(f"/predictions/{prediction_id}").text, "ticket")


def save(client: Client, prediction_id: int, sealed: str | None = None, **typed: Any) -> Any:
    typed["ticket"] = ticket(client, prediction_id) if sealed is None else sealed
    return client.post_json(f"/predictions/{prediction_id}/review/draft", typed)


def share(app: Flask, case_id: int, email: str) -> None:
    with app.app_context():
        user = db.session.query(User).filter_by(email=email).one()
        db.session.add(CaseReader(case_id=case_id, user_id=user.id, added_by=user.id))
        db.session.commit()


def end_sessions(app: Flask) -> None:
    with app.app_context():
        db.session.query(UserSession).delete()
        db.session.commit()


def test_a_draft_fills_the_form_and_says_when_it_was_kept(app: Flask, reader: Client, scored: int) -> None:
    answer = save(reader, scored, verdict="override", label="Pro", reason="<b>nucleoli</b> & more")
    assert answer.status_code == 200
    assert datetime.fromisoformat(answer.get_json()["saved_at"]).tzinfo is not None
    for url in (f"/predictions/{scored}", f"/predictions/{scored}/review"):
        page = reader.get(url).text
        assert "not yet recorded" in page
        assert '<option selected value="Pro">' in page
        assert "&lt;b&gt;nucleoli&lt;/b&gt; &amp; more" in page
    assert rows(app, Review) == 0


def test_the_next_saving_replaces_the_draft(app: Flask, reader: Client, scored: int) -> None:
    for reason in ("first", "second"):
        save(reader, scored, reason=reason)
    with app.app_context():
        assert db.session.query(ReviewDraft).one().content == {"reason": "second"}


def test_a_draft_is_its_readers_alone(
        app: Flask, reader: Client, case_id: int, scored: int, login: Callable[..., Client]) -> None:
    save(reader, scored, reason="between me and the page")
    colleague, stranger = login("colleague@clinic.example"), login("stranger@clinic.example")
    share(app, case_id, "colleague@clinic.example")
    assert "between me" not in colleague.get(f"/predictions/{scored}").text
    save(colleague, scored, reason="another's")
    assert "between me" in reader.get(f"/predictions/{scored}").text
    mine = ticket(reader, scored)
    assert save(colleague, scored, mine, reason="under a name that is not mine").status_code == 409
    assert save(stranger, scored, mine, reason="x").status_code == 409
    assert stranger.post(f"/predictions/{scored}/review/draft/discard").status_code == 404
    colleague.post(f"/predictions/{scored}/review/draft/discard")
    with app.app_context():
        assert [one.content["reason"] for one in db.session.query(ReviewDraft)] == ["between me and the page"]


def test_whoever_may_no_longer_read_the_case_keeps_no_draft_in_it(
        app: Flask, case_id: int, scored: int, login: Callable[..., Client]) -> None:
    colleague = login("colleague@clinic.example")
    share(app, case_id, "colleague@clinic.example")
    held = ticket(colleague, scored)
    with app.app_context():
        owner = db.session.query(User).filter_by(email="reader@clinic.example").one()
        db.session.query(CaseReader).filter(CaseReader.user_id != owner.id).delete()
        db.session.commit()
    assert save(colleague, scored, held, reason="x").status_code == 404


def test_a_draft_holds_the_form_and_no_more(app: Flask, reader: Client, scored: int) -> None:
    assert save(reader, scored, reason="x" * (MOST_CHARACTERS + 1)).status_code == 409
    assert save(reader, scored, reason="x" * 400_000).status_code == 413
    assert rows(app, ReviewDraft) == 0
    assert save(reader, scored, reason="kept", csrf_token="no", owner="no", score_x=["no"]).status_code == 200
    with app.app_context():
        assert db.session.query(ReviewDraft).one().content == {"reason": "kept"}


@pytest.mark.parametrize("sealed", ["", "1.2", "WzEsMSwwXQ.AAAAAAAAAAAAAAAAAAAAAAAAAAA"])
def test_a_draft_needs_the_ticket_of_its_page(reader: Client, scored: int, sealed: str) -> None:
    assert save(reader, scored, sealed, reason="x").status_code == 409
    assert reader.post_json(f"/predictions/{scored}/review/draft", ["no", "object"]).status_code == 409


def test_the_review_takes_its_draft_along_and_an_older_page_cannot_bring_it_back(
        app: Flask, reader: Client, scored: int) -> None:
    held = ticket(reader, scored)
    save(reader, scored, held, verdict="cannot-judge")
    reader.post(f"/predictions/{scored}/review", {"verdict": "cannot-judge"})
    assert rows(app, ReviewDraft) == 0
    late = save(reader, scored, held, verdict="agree")
    assert (late.status_code, "recorded a reading since" in late.get_json()["reason"]) == (409, True)
    assert rows(app, ReviewDraft) == 0
    assert save(reader, scored, reason="second thoughts").status_code == 200


def test_a_discarded_draft_is_gone(app: Flask, reader: Client, scored: int) -> None:
    save(reader, scored, reason="never mind")
    answer = reader.post(f"/predictions/{scored}/review/draft/discard")
    assert (answer.status_code, answer.location) == (303, f"/predictions/{scored}")
    assert "never mind" not in reader.get(f"/predictions/{scored}").text


def typed_into(client: Client, prediction_id: int) -> dict[str, str]:
    return {"verdict": "override", "label": "Pro", "reason": "typed before", "ticket": ticket(client, prediction_id)}


def log_in(client: Client, email: str, sealed: str, **fields: str) -> Any:
    return client.post("/login", {"email": email, "password": PASSWORD, "carried": sealed, **fields})


@pytest.mark.parametrize("with_token", [True, False], ids=["with a token", "without a token"])
def test_what_was_sent_after_the_session_ended_waits_as_a_draft_behind_the_login(
        app: Flask, reader: Client, scored: int, with_token: bool) -> None:
    typed = typed_into(reader, scored)
    end_sessions(app)
    send = reader.post if with_token else reader.post_without_token
    page = send(f"/predictions/{scored}/review", typed)
    assert page.status_code == 401
    assert rows(app, Review) == rows(app, ReviewDraft) == 0
    sealed = field(page.text, "carried")
    wrong = reader.post("/login", {"email": "reader@clinic.example", "password": "no", "carried": sealed})
    assert field(wrong.text, "carried") == sealed
    answer = log_in(reader, "reader@clinic.example", sealed, next="/account")
    assert (answer.status_code, answer.location) == (303, f"/predictions/{scored}/review")
    page = reader.get(answer.location)
    assert "typed before" in page.text
    assert '<option selected value="Pro">' in page.text
    assert rows(app, Review) == 0


def test_another_persons_login_gets_nothing_of_it(
        app: Flask, reader: Client, case_id: int, scored: int, make_user: Callable[..., int]) -> None:
    make_user("colleague@clinic.example")
    share(app, case_id, "colleague@clinic.example")
    typed = typed_into(reader, scored)
    end_sessions(app)
    page = reader.post(f"/predictions/{scored}/review", typed)
    answer = log_in(reader, "colleague@clinic.example", field(page.text, "carried"))
    assert answer.location == "/"
    home = reader.get("/").text
    assert "belongs to another account" in home
    assert rows(app, ReviewDraft) == 0
    # Nor does the other's form come back when its token is too old.
    stale = reader.post_without_token(f"/predictions/{scored}/review", typed)
    assert stale.status_code == 400
    assert "typed before" not in stale.text


def test_it_is_carried_for_a_short_while_only(
        app: Flask, reader: Client, scored: int, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = typed_into(reader, scored)
    end_sessions(app)
    sealed = field(reader.post(f"/predictions/{scored}/review", typed).text, "carried")
    later = timed.time.time() + carried.SECONDS + 5
    monkeypatch.setattr(timed.TimestampSigner, "get_timestamp", lambda _this: int(later))
    assert log_in(reader, "reader@clinic.example", sealed).location == "/"
    assert rows(app, ReviewDraft) == 0


def test_what_this_portal_did_not_seal_leads_nowhere(
        app: Flask, reader: Client, scored: int, make_user: Callable[..., int]) -> None:
    end_sessions(app)
    forged = URLSafeTimedSerializer("another key of forty characters in all..", salt="typed before a login")
    for sealed in ("rubbish", "..", forged.dumps([1, scored, {"reason": "forged"}])):
        answer = log_in(reader, "reader@clinic.example", str(sealed))
        assert (answer.status_code, answer.location) == (303, "/")
    assert rows(app, ReviewDraft) == 0


def test_without_a_ticket_a_login_is_asked_for_as_ever(app: Flask, reader: Client, scored: int) -> None:
    end_sessions(app)
    answer = reader.post(f"/predictions/{scored}/review", {"verdict": "agree", "reason": "x"})
    assert (answer.status_code, answer.location) == (302, "/login")


def test_an_idle_session_is_an_ended_one(app: Flask, reader: Client, scored: int) -> None:
    typed = typed_into(reader, scored)
    with app.app_context():
        db.session.query(UserSession).update({UserSession.seen_at: datetime(2020, 1, 1)})
        db.session.commit()
        idle = app.extensions["settings"].session_idle
    assert idle < timedelta(days=1)
    assert reader.post(f"/predictions/{scored}/review", typed).status_code == 401
