"""Asking for an account, logging in and out, as a browser sees it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import select

from portal.app import create_app
from portal.extensions import db
from portal.storage.tables.accounts import User, UserSession
from portal.storage.tables.administration import AuditEvent
from tests.conftest import PASSWORD, make_settings
from tests.support.client import TOKEN, Client
from tests.support.clock import Clock

READER = "reader@clinic.example"
ASKING = {"name": "Ada Lovelace", "email": "ada@clinic.example", "password": PASSWORD, "confirm": PASSWORD}


def log_in(client: Client, email: str = READER, password: str = PASSWORD, **more: str):
    return client.post("/login", {"email": email, "password": password, **more})


def stored(app: Flask, table: type) -> list:
    with app.app_context():
        return list(db.session.scalars(select(table)))


def cookie_of(answer) -> str:
    """The login's; another knows the browser again."""
    return next(one for one in answer.headers.getlist("Set-Cookie") if "secondread=" in one)


def test_who_asks_for_an_account_waits_and_is_not_logged_in(app: Flask, client: Client) -> None:
    answer = client.post("/register", ASKING)
    assert (answer.status_code, answer.location) == (303, "/registered")
    assert client.get("/registered").status_code == 200
    assert client.get("/account").status_code == 302
    assert [user.status for user in stored(app, User)] == ["waiting"]


def test_a_known_address_gets_the_same_answer(
        app: Flask, client: Client, make_user: Callable[..., int]) -> None:
    make_user("ada@clinic.example")
    fresh = client.post("/register", {**ASKING, "email": "new@clinic.example"})
    known = client.post("/register", ASKING)
    assert (known.status_code, known.location, known.data) == (fresh.status_code, fresh.location, fresh.data)


@pytest.mark.parametrize(("change", "words"), [
    ({"name": ""}, "Give your name"), ({"email": "ada"}, "not an e-mail address"),
    ({"confirm": "something else entirely"}, "The two passwords differ"),
    ({"password": "short", "confirm": "short"}, "at least 12 characters"),
    ({"password": "password1234", "confirm": "password1234"}, "most common passwords"),
    ({"password": "ada-lovelace", "confirm": "ada-lovelace"}, "your name"),
    ({"name": "x" * 121}, "120"), ({"email": f"{'a' * 300}@clinic.example"}, "254")])
def test_a_failed_request_shows_what_was_typed_but_no_password(
        change: dict[str, str], words: str, app: Flask, client: Client) -> None:
    answer = client.post("/register", {**ASKING, **change})
    assert answer.status_code == 400
    assert words in answer.text
    assert {**ASKING, **change}["email"] in answer.text
    assert PASSWORD not in answer.text
    assert stored(app, User) == []


def test_a_flood_of_requests_is_told_to_wait(app: Flask, client: Client) -> None:
    for number in range(20):
        client.post("/register", {**ASKING, "email": f"guest{number}@clinic.example"})
    answer = client.post("/register", ASKING)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3600")


def test_login_leads_to_the_worklist(client: Client, make_user: Callable[..., int]) -> None:
    make_user()
    answer = log_in(client)
    assert (answer.status_code, answer.location) == (303, "/")
    assert READER in client.get("/account").text


def test_login_leads_back_to_where_one_was(client: Client, make_user: Callable[..., int]) -> None:
    make_user()
    asked = client.get("/cases?q=P-1&outcome=refused")
    answer = client.post(asked.location, {"email": READER, "password": PASSWORD})
    assert answer.location == "/cases?q=P-1&outcome=refused"


def test_who_is_logged_in_needs_no_login_page(login: Callable[..., Client]) -> None:
    answer = login().get("/login")
    assert (answer.status_code, answer.location) == (302, "/")


@pytest.mark.parametrize(("email", "password"), [
    (READER, "a wrong password"), ("nobody@clinic.example", PASSWORD), ("no address at all", PASSWORD),
    ("waiting@clinic.example", "a wrong password")])
def test_every_wrong_login_gets_the_same_answer(
        email: str, password: str, client: Client, make_user: Callable[..., int]) -> None:
    make_user()
    make_user("waiting@clinic.example", status="waiting")
    answer = log_in(client, email, password)
    assert answer.status_code == 401
    assert "E-mail or password is wrong." in answer.text
    assert f'value="{email}"' in answer.text
    assert password not in answer.text


@pytest.mark.parametrize(("status", "words"), [
    ("waiting", "waits for an administrator"), ("disabled", "is disabled")])
def test_a_closed_account_says_so_to_its_owner(
        status: str, words: str, client: Client, make_user: Callable[..., int]) -> None:
    make_user(status=status)
    answer = log_in(client)
    assert answer.status_code == 401
    assert words in answer.text
    assert client.get("/account").status_code == 302


def test_an_incomplete_login_is_shown_again(client: Client) -> None:
    answer = log_in(client, READER, "")
    assert answer.status_code == 400
    assert "Give your password" in answer.text


@pytest.mark.parametrize("email", [READER, "nobody@clinic.example"])
def test_who_guesses_is_slowed_and_told_for_how_long(
        email: str, client: Client, make_user: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch).stand()
    make_user()
    for _ in range(5):
        assert log_in(client, email, "a wrong password").status_code == 401
    answer = log_in(client, email)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 2
    assert "Too many tries" in answer.text
    assert f'value="{email}"' in answer.text


def test_login_empties_the_cookie_that_was_there_before(app: Flask, make_user: Callable[..., int]) -> None:
    make_user()
    browser = app.test_client()
    with browser.session_transaction() as session:
        session["planted"] = "by somebody else"
    token = TOKEN.search(browser.get("/login").text)
    assert token is not None
    browser.post("/login", data={"email": READER, "password": PASSWORD, "csrf_token": token.group(1)})
    with browser.session_transaction() as session:
        assert "planted" not in session
        assert session["_user_id"]


def test_each_login_has_a_token_of_its_own_and_ends_the_one_before(
        app: Flask, client: Client, make_user: Callable[..., int]) -> None:
    make_user()
    log_in(client)
    first = stored(app, UserSession)
    log_in(client)
    second = stored(app, UserSession)
    assert len(first) == len(second) == 1
    assert first[0].token_hash != second[0].token_hash


def test_a_login_ends_with_the_browser_unless_it_is_to_be_remembered(
        app: Flask, client: Client, make_user: Callable[..., int]) -> None:
    make_user()
    assert "Expires" not in cookie_of(log_in(client))
    assert "Expires" in cookie_of(log_in(Client(app), remember="y"))
    assert [row.remember for row in stored(app, UserSession)] == [False, True]


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
        client: Client, make_user: Callable[..., int]) -> None:
    make_user()
    cookie = cookie_of(log_in(client))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_behind_https_the_cookie_is_bound_to_the_host(app: Flask, make_user: Callable[..., int]) -> None:
    make_user()
    plain = app.extensions["settings"]
    secure = create_app(make_settings(plain.instance, plain.database_url, secure_cookies=True))
    browser = secure.test_client()
    token = TOKEN.search(browser.get("/login", base_url="https://portal.example").text)
    assert token is not None
    answer = browser.post("/login", base_url="https://portal.example", headers={"Referer": "https://portal.example/login"},
                          data={"email": READER, "password": PASSWORD, "csrf_token": token.group(1)})
    with secure.app_context():
        db.engine.dispose()
    assert answer.status_code == 303
    assert cookie_of(answer).startswith("__Host-secondread=")
    assert "Secure" in cookie_of(answer)


def test_logout_ends_the_session_on_the_server(app: Flask, make_user: Callable[..., int]) -> None:
    make_user()
    client = Client(app)
    stolen = cookie_of(log_in(client)).partition(";")[0]
    answer = client.post("/logout")
    assert (answer.status_code, answer.location) == (303, "/")
    assert stored(app, UserSession) == []
    thief = app.test_client(use_cookies=False)
    assert thief.get("/account", headers={"Cookie": stolen}).status_code == 302


def test_logout_is_a_post(login: Callable[..., Client]) -> None:
    reader = login()
    assert reader.get("/logout").status_code == 405
    assert reader.get("/account").status_code == 200


def test_logging_out_twice_is_no_mistake(client: Client) -> None:
    assert client.post("/logout").status_code == 303


def test_a_stale_login_page_keeps_the_address_and_drops_the_password(
        client: Client, make_user: Callable[..., int]) -> None:
    make_user()
    answer = client.post_without_token("/login", {"email": READER, "password": PASSWORD, "csrf_token": "old"})
    assert answer.status_code == 400
    assert f'value="{READER}"' in answer.text
    assert PASSWORD not in answer.text


def test_a_stale_request_for_an_account_keeps_what_was_typed(client: Client) -> None:
    answer = client.post_without_token("/register", ASKING)
    assert answer.status_code == 400
    assert "Ada Lovelace" in answer.text
    assert PASSWORD not in answer.text


@pytest.mark.parametrize("token", ["", "x", "%00", "é"])
def test_a_forged_session_is_nobody(token: str, app: Flask) -> None:
    browser = app.test_client()
    with browser.session_transaction() as session:
        session["_user_id"] = token
    assert browser.get("/account").status_code == 302
    assert browser.get("/").status_code == 200


def test_a_cookie_of_another_key_is_nobody(app: Flask) -> None:
    browser = app.test_client(use_cookies=False)
    forged = {"Cookie": "secondread=eyJfdXNlcl9pZCI6IjEifQ.aR.forged"}
    assert browser.get("/account", headers=forged).status_code == 302


def test_logins_and_failures_are_in_the_audit_trail(
        app: Flask, client: Client, make_user: Callable[..., int]) -> None:
    make_user()
    log_in(client, password="a wrong password")
    log_in(client)
    client.post("/logout")
    assert [event.action for event in stored(app, AuditEvent)] == ["login.failure", "login.success", "logout"]
    assert {event.address for event in stored(app, AuditEvent)} == {"127.0.0.1"}


def test_a_stranger_who_guesses_keeps_nobody_out_of_a_browser_that_is_known(
        app: Flask, client: Client, make_user: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch).stand()
    make_user()
    log_in(client)
    client.post("/logout")
    stranger = Client(app)
    while log_in(stranger, password="a wrong guess").status_code == 401:
        pass
    assert log_in(stranger).status_code == 429
    assert log_in(client).status_code == 303


def test_the_cookie_that_knows_a_browser_opens_nothing_and_names_nobody(
        app: Flask, client: Client, make_user: Callable[..., int]) -> None:
    make_user()
    known = next(one for one in log_in(client).headers.getlist("Set-Cookie") if "secondread-known=" in one)
    assert "HttpOnly" in known
    assert "SameSite=Strict" in known
    assert READER.partition("@")[0] not in known
    thief = app.test_client(use_cookies=False)
    assert thief.get("/account", headers={"Cookie": known.partition(";")[0]}).status_code == 302


def number_in(answer) -> str:
    """The random number in the cookie by which a browser is known again."""
    kept = next(one for one in answer.headers.getlist("Set-Cookie") if "secondread-known=" in one)
    _, (number, _) = URLSafeTimedSerializer("").loads_unsafe(kept.partition("=")[2].partition(";")[0])
    return str(number)


def test_a_known_browsers_number_has_128_random_bits(
        app: Flask, client: Client, make_user: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    make_user()
    monkeypatch.setattr("portal.views.known_browsers.NUMBER_BYTES", 12)
    old = number_in(log_in(client))
    monkeypatch.undo()
    numbers = [number_in(log_in(one)) for one in (client, Client(app), client)]
    assert [len(bytes.fromhex(one)) * 8 for one in (old, *numbers)] == [96, 128, 128, 128]
    assert numbers[0] == numbers[2] != numbers[1]
