"""One's own account page: the password, and where one is logged in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.storage.tables.accounts import UserSession
from portal.storage.tables.columns import now
from tests.conftest import PASSWORD
from tests.support.client import Client
from tests.support.clock import Clock

READER = "reader@clinic.example"
NEW = "amber compass thistle 17"
FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


def change(client: Client, current: str = PASSWORD, password: str = NEW, confirm: str = NEW):
    return client.post("/account/password", {"current": current, "password": password, "confirm": confirm})


def another_login(app: Flask, password: str = PASSWORD, **kwargs: object) -> Client:
    client = Client(app)
    assert client.post("/login", {"email": READER, "password": password}, **kwargs).status_code == 303
    return client


def session_ids(app: Flask) -> list[int]:
    with app.app_context():
        return list(db.session.scalars(select(UserSession.id).order_by(UserSession.id)))


def move(app: Flask, **values: object) -> None:
    """Change every session row."""
    with app.app_context():
        for row in db.session.scalars(select(UserSession)):
            for name, value in values.items():
                setattr(row, name, value)
        db.session.commit()


def test_ending_logins_asks_for_the_password_when_it_was_given_long_ago(
        app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    another_login(app)
    move(app, proven_at=now() - timedelta(minutes=6))
    mine, other = session_ids(app)
    for url in (f"/account/sessions/{other}/end", f"/account/sessions/{mine}/end", "/account/sessions/end-others"):
        answer = reader.post(url)
        assert answer.status_code == 401, url
        assert "Your password again" in answer.text
    assert session_ids(app) == [mine, other]
    assert reader.post(f"/account/sessions/{other}/end", {"proof": PASSWORD}).status_code == 303
    assert session_ids(app) == [mine]


def test_whoever_logs_out_leaves_no_picture_in_the_browser(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    told = [reader.post("/logout"), another_login(app).post(f"/account/sessions/{session_ids(app)[-1]}/end")]
    for answer in told:
        assert (answer.status_code, answer.headers.get("Clear-Site-Data")) == (303, '"cache", "storage"')
    assert "Clear-Site-Data" not in reader.get("/login").headers


def test_the_page_lists_every_login_and_which_one_this_is(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    another_login(app, headers=FIREFOX)
    page = reader.get("/account").text
    assert "Firefox on Linux" in page
    assert page.count("This one") == 1
    assert "127.0.0.1" in page


def test_a_new_password_ends_the_other_logins_and_keeps_this_one(
        app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    other = another_login(app)
    answer = change(reader)
    assert (answer.status_code, answer.location) == (303, "/account")
    assert reader.get("/account").status_code == 200
    assert other.get("/account").status_code == 302
    another_login(app, NEW)


def test_a_new_password_makes_the_old_cookie_worthless(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    stolen = reader.get("/account").request.headers["Cookie"]
    change(reader)
    thief = app.test_client(use_cookies=False)
    assert thief.get("/account", headers={"Cookie": stolen}).status_code == 302


@pytest.mark.parametrize(("typed", "words"), [
    ({"current": "a wrong password"}, "not your current password"),
    ({"current": ""}, "Give your current password"),
    ({"confirm": "something else"}, "The two passwords differ"),
    ({"password": "short", "confirm": "short"}, "at least 12 characters"),
    ({"password": READER, "confirm": READER}, "your name or e-mail")])
def test_a_failed_change_says_why_and_changes_nothing(
        typed: dict[str, str], words: str, app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    answer = change(reader, **typed)
    assert answer.status_code == 400
    assert words in answer.text
    assert NEW not in answer.text
    assert PASSWORD not in answer.text
    assert reader.get("/account").status_code == 200
    another_login(app)


def test_guessing_the_current_password_is_slowed(
        login: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch).stand()
    reader = login()
    for _ in range(5):
        change(reader, "a wrong password")
    answer = change(reader)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"]
    assert "Too many tries" in answer.text


def test_the_address_a_failed_form_leaves_behind_shows_the_page_again(login: Callable[..., Client]) -> None:
    assert login().get("/account/password").status_code == 200


def test_a_stale_password_form_is_shown_again(login: Callable[..., Client]) -> None:
    typed = {"current": PASSWORD, "password": NEW, "confirm": NEW}
    answer = login().post_without_token("/account/password", typed)
    assert answer.status_code == 400
    assert "Change the password" in answer.text
    assert NEW not in answer.text


def test_another_login_of_ones_own_can_be_ended(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    other = another_login(app)
    answer = reader.post(f"/account/sessions/{session_ids(app)[1]}/end")
    assert (answer.status_code, answer.location) == (303, "/account")
    assert other.get("/account").status_code == 302
    assert reader.get("/account").status_code == 200


def test_ending_this_login_is_a_logout(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    assert reader.post(f"/account/sessions/{session_ids(app)[0]}/end").location == "/"
    assert reader.get("/account").status_code == 302
    assert session_ids(app) == []


@pytest.mark.parametrize("session_id", [1, 7, 2**31 - 1, 2**31, 10**30])
def test_somebody_elses_or_no_login_is_not_found(
        session_id: int, app: Flask, login: Callable[..., Client]) -> None:
    first = login()
    second = login("grace@clinic.example")
    assert second.post(f"/account/sessions/{session_id}/end").status_code == 404
    assert first.get("/account").status_code == 200


def test_a_login_left_alone_asks_for_the_password_again(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    move(app, seen_at=now() - timedelta(minutes=16))
    answer = reader.get("/account")
    assert (answer.status_code, answer.location) == (302, "/login?next=/account")


def test_a_login_in_use_asks_for_the_password_after_twelve_hours(
        app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    move(app, created_at=now() - timedelta(hours=12, seconds=1))
    assert reader.get("/account").status_code == 302


def test_a_remembered_login_survives_a_night(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    move(app, remember=True, seen_at=now() - timedelta(hours=14), created_at=now() - timedelta(days=2))
    assert reader.get("/account").status_code == 200


def test_a_disabled_account_is_out_at_the_next_click(
        app: Flask, login: Callable[..., Client], make_user: Callable[..., int]) -> None:
    reader, admin = login(), login("admin@clinic.example", "admin")
    admin.post("/admin/users/1/disable")
    assert reader.get("/account").status_code == 302
    admin.post("/admin/users/1/approve")
    assert reader.get("/account").status_code == 302
