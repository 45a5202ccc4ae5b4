"""Every answer of every route carries the headers that protect it: pages, files, refusals and failures."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from portal.app import create_app
from portal.views.guards import anyone
from tests.conftest import make_settings
from tests.support.client import Client
from tests.support.estate import Estate

NONCE = re.compile(r"script-src 'nonce-([\w-]{20,})'(;|$)")
SCRIPT = re.compile(r"<script([^>]*)>(.*?)</script>", re.DOTALL)
INLINE = re.compile(r"""<[^>]+\s(style|on[a-z]+)=["']|<style|javascript:""")

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def check(answer: TestResponse, where: object) -> None:
    headers = answer.headers
    policy = headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy, where
    assert "base-uri 'none'" in policy, where
    assert "object-src 'none'" in policy, where
    assert "unsafe-eval" not in policy, where
    assert headers["X-Content-Type-Options"] == "nosniff", where
    assert headers["Referrer-Policy"] == "same-origin", where
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin", where
    assert "Access-Control-Allow-Origin" not in headers, where
    assert headers.get("Server", "") == "", where
    if answer.mimetype == "text/html":
        check_page(answer, policy)
    elif answer.mimetype != "application/pdf":
        assert "sandbox" in policy, where
    if answer.mimetype in ("text/html", "application/json"):
        assert headers["Cache-Control"] == "no-store", where


def check_page(answer: TestResponse, policy: str) -> None:
    """Every script is a file of ours and bears the nonce; nothing runs that a stranger could have typed."""
    found = NONCE.search(policy)
    assert found, policy
    text = answer.text
    for attributes, body in SCRIPT.findall(text):
        assert f'nonce="{found[1]}"' in attributes
        assert 'src="/static/' in attributes
        assert not body.strip()
    assert not INLINE.search(text)


def test_every_answer_to_everybody(
        app: Flask, client: Client, owner: Client, estate: Estate, login: Callable[..., Client]) -> None:
    chief = login("chief@clinic.example", "admin")
    for visit in estate.visits(app, owned=False):
        for person in (client, owner, chief):
            answer = (person.get(visit.address) if visit.method == "GET" else
                      person.post_without_token(visit.address, method=visit.method))
            check(answer, (visit, answer.status_code))


@pytest.mark.parametrize("address", [
    "/nowhere", "/static/css/secondread.css", "/static/nothing.js", "/static/../config.py", "/%00",
    "/cases/99999999999999999999", "/bootstrap/static/css/bootstrap.min.css"])
def test_what_is_no_route(client: Client, address: str) -> None:
    check(client.get(address), address)


def test_a_wrong_method(client: Client) -> None:
    answer = client.post_without_token("/healthz", method="DELETE")
    assert answer.status_code == 405
    check(answer, "405")


def test_a_failure(app: Flask) -> None:
    @anyone
    def fail() -> str:
        raise RuntimeError("planted")

    broken = create_app(make_settings(app.extensions["settings"].instance))
    broken.add_url_rule("/fail", "fail", fail)
    answer = Client(broken).get("/fail")
    assert answer.status_code == 500
    assert "planted" not in answer.text
    check(answer, "500")


def test_two_answers_have_two_nonces(client: Client) -> None:
    first, second = (NONCE.search(client.get("/login").headers["Content-Security-Policy"]) for _ in range(2))
    assert first
    assert second
    assert first[1] != second[1]


def test_only_https_is_spoken_of_over_https(app: Flask) -> None:
    """A portal on one machine is asked over http; the header would then be a lie that browsers ignore anyway."""
    client = app.test_client()
    assert "Strict-Transport-Security" not in client.get("/login").headers
    for address in ("/login", "/nowhere", "/static/css/secondread.css"):
        answer = client.get(address, base_url="https://portal.example", buffered=True)
        told = answer.headers["Strict-Transport-Security"]
        assert int(re.findall(r"max-age=(\d+)", told)[0]) >= 365 * 24 * 3600
        assert "includeSubDomains" in told


def test_the_cookie_belongs_to_this_host_alone(app: Flask, make_user: Callable[..., int]) -> None:
    safe = create_app(make_settings(app.extensions["settings"].instance, secure_cookies=True))
    answer = safe.test_client().get("/login", base_url="https://portal.example")
    cookies = answer.headers.getlist("Set-Cookie")
    assert cookies
    for cookie in cookies:
        assert cookie.startswith("__Host-")
        assert {"Secure", "HttpOnly", "Path=/"} <= {part.strip() for part in cookie.split(";")}
        assert "SameSite=Lax" in cookie
        assert "Domain" not in cookie
