"""The links that work once, as a browser sees them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask

from portal.services import links, second_factor
from portal.services.audit import Actor
from portal.storage.tables.columns import now
from tests.conftest import PASSWORD
from tests.support.client import Client

NEW = "amber compass thistle 17"
ADMIN = {"name": "Ada Lovelace", "email": "ada@clinic.example", "password": PASSWORD, "confirm": PASSWORD}


@pytest.fixture
def setup_token(app: Flask) -> str:
    with app.app_context():
        token = links.create_setup_link()
    assert token is not None
    return token


@pytest.fixture
def reset_token(app: Flask, make_user: Callable[..., int]) -> str:
    user_id = make_user()
    with app.app_context():
        return links.create_reset_link(Actor(), user_id, now())


def log_in(client: Client, password: str, email: str = "reader@clinic.example") -> int:
    return client.post("/login", {"email": email, "password": password}).status_code


def hidden_token(page: str) -> str:
    found = re.search(r'name="token"[^>]*value="([^"]*)"', page)
    assert found is not None
    return found.group(1)


def test_the_setup_link_makes_an_administrator_who_is_logged_in(client: Client, setup_token: str) -> None:
    page = client.get(f"/setup?token={setup_token}")
    assert page.status_code == 200
    answer = client.post("/setup", {**ADMIN, "token": hidden_token(page.text)})
    assert (answer.status_code, answer.location) == (303, "/account/second-factor")
    set_up = client.get("/account/second-factor")
    key = "".join(re.findall(r'id="factor-key">([^<]+)<', set_up.text)).replace(" ", "")
    sealed = re.search(r'name="sealed"[^>]*value="([^"]*)"', set_up.text)
    assert sealed is not None
    code = second_factor.code_at(key, second_factor.step_of(now()))
    assert client.post("/account/second-factor", {"sealed": sealed[1], "code": code}).status_code == 200
    assert client.get("/admin/users").status_code == 200


def test_a_used_setup_link_is_not_found(app: Flask, client: Client, setup_token: str) -> None:
    client.post("/setup", {**ADMIN, "token": setup_token})
    stranger = Client(app)
    page = stranger.get(f"/setup?token={setup_token}")
    assert page.status_code == 404
    assert "no longer works" in page.text
    again = stranger.post("/setup", {**ADMIN, "email": "eve@clinic.example", "token": setup_token})
    assert again.status_code == 404
    assert stranger.get("/admin/users").status_code == 302


@pytest.mark.parametrize("query", ["", "?token=", "?token=guess", "?token=%00", "?token=a&token=b"])
def test_without_its_token_the_setup_is_not_found(query: str, client: Client, setup_token: str) -> None:
    assert client.get(f"/setup{query}").status_code == 404
    assert client.post(f"/setup{query}", {**ADMIN, "token": "guess"}).status_code == 404


@pytest.mark.parametrize(("change", "words"), [
    ({"password": "short", "confirm": "short"}, "at least 12 characters"),
    ({"email": "ada"}, "not an e-mail address"),
    ({"confirm": "different"}, "The two passwords differ"), ({"email": "reader@clinic.example"}, "already")])
def test_a_failed_setup_keeps_what_was_typed_and_the_link(
        change: dict[str, str], words: str, client: Client, setup_token: str,
        make_user: Callable[..., int]) -> None:
    make_user(status="waiting")
    answer = client.post("/setup", {**ADMIN, "token": setup_token, **change})
    assert answer.status_code == 400
    assert words in answer.text
    assert "Ada Lovelace" in answer.text
    assert PASSWORD not in answer.text
    assert client.post("/setup", {**ADMIN, "token": hidden_token(answer.text)}).status_code == 303


def test_a_stale_setup_page_keeps_what_was_typed_and_the_link(client: Client, setup_token: str) -> None:
    answer = client.post_without_token("/setup", {**ADMIN, "token": setup_token})
    assert answer.status_code == 400
    assert "Ada Lovelace" in answer.text
    assert hidden_token(answer.text) == setup_token


def test_the_reset_link_sets_the_password(client: Client, reset_token: str) -> None:
    page = client.get(f"/reset?token={reset_token}")
    assert page.status_code == 200
    answer = client.post("/reset", {"token": hidden_token(page.text), "password": NEW, "confirm": NEW})
    assert (answer.status_code, answer.location) == (303, "/login")
    assert "Your new password is set" in client.get("/login").text
    assert log_in(client, PASSWORD) == 401
    assert log_in(client, NEW) == 303


def test_a_reset_logs_nobody_in(client: Client, reset_token: str) -> None:
    client.post("/reset", {"token": reset_token, "password": NEW, "confirm": NEW})
    assert client.get("/account").status_code == 302


def test_a_reset_ends_the_logins_of_the_account(app: Flask, client: Client, reset_token: str) -> None:
    other = Client(app)
    assert log_in(other, PASSWORD) == 303
    client.post("/reset", {"token": reset_token, "password": NEW, "confirm": NEW})
    assert other.get("/account").status_code == 302


def test_a_used_or_guessed_reset_link_leads_to_the_login_with_advice(
        client: Client, reset_token: str) -> None:
    client.post("/reset", {"token": reset_token, "password": NEW, "confirm": NEW})
    again = {"token": reset_token, "password": PASSWORD, "confirm": PASSWORD}
    for use in (lambda: client.get(f"/reset?token={reset_token}"), lambda: client.get("/reset"),
                lambda: client.post("/reset", again)):
        answer = use()
        assert (answer.status_code, answer.location) == (303, "/login")
        assert "used already or is too old" in client.get("/login").text
    assert log_in(client, NEW) == 303


@pytest.mark.parametrize(("password", "confirm", "words"), [
    ("short", "short", "at least 12 characters"), (NEW, "different", "The two passwords differ"),
    ("", "", "Choose a password"), ("reader@clinic.example", "reader@clinic.example", "your name or e-mail")])
def test_a_failed_reset_keeps_the_link(
        password: str, confirm: str, words: str, client: Client, reset_token: str) -> None:
    answer = client.post("/reset", {"token": reset_token, "password": password, "confirm": confirm})
    assert answer.status_code == 400
    assert words in answer.text
    client.post("/reset", {"token": hidden_token(answer.text), "password": NEW, "confirm": NEW})
    assert log_in(client, NEW) == 303
