"""Every field and every word of every address is sent what would hurt a browser, a shell, a table or a log. Nothing
fails, nothing comes back as it could act, and nobody is called.
"""

from __future__ import annotations

import csv
import io
import socket
from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.support.client import Client
from tests.support.estate import ENDS_LOGINS, PLAUSIBLE, Estate, Visit

MARKUP = "<script>alert(1)</script>"
FORMULA = "=HYPERLINK(1)"
TRICKS = (f"{FORMULA}{MARKUP}", "\r\nX-Planted: 1\r\n\r\n<b>planted</b>", "{{ 1337 * 3 }}${1337*3}",
          "../../../../etc/passwd", "/etc/passwd", "..\\..\\config.py", "a\x00.png", "' OR 1=1 --",
          "\ud7ff\u202e\ufeff", "http://127.0.0.1:9/planted", "file:///etc/passwd", "9" * 400, "-1", "NaN", "[[[[",
          "%s%n%(x)s{0.__class__}")
FIELDS = [*PLAUSIBLE, "q", "since", "until", "outcome", "reviewed", "before", "after", "page", "paper", "readings",
          "size", "offset", "x", "y", "width", "height", "side", "prediction", "token", "remember", "ticket", "seen",
          "carried"]

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Whom the portal tried to reach."""
    made: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _socket, address: made.append(address))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *where, **_: made.append(where) or [])
    return made


def check(answer: TestResponse, where: object) -> None:
    assert answer.status_code < 500, where
    assert "X-Planted" not in answer.headers, where
    assert not any("\n" in value or "\r" in value for value in answer.headers.values()), where
    if answer.mimetype == "text/html":
        assert MARKUP not in answer.text, where
        assert "<b>planted" not in answer.text, where
        assert "4011" not in answer.text, where
        assert "root:x:0" not in answer.text, where
    if answer.mimetype == "text/csv":
        for row in csv.reader(io.StringIO(answer.text)):
            assert not any(cell.lstrip(" \ufeff").startswith(("=", "+", "@")) for cell in row), where


def ask(client: Client, visit: Visit, word: str) -> TestResponse:
    planted = dict.fromkeys(FIELDS, word)
    if visit.method == "GET":
        return client.get(visit.address, query_string=planted)
    return client.post(visit.address, planted, query_string=planted)


def test_nothing_acts(app: Flask, owner: Client, estate: Estate, login: Callable[..., Client],
                      calls: list[object]) -> None:
    """Every trick meets every route once: which trick meets which field of it turns with the route."""
    chief = login("chief@clinic.example", "admin")
    visits = [one for one in estate.visits(app, owned=False) if not one.endpoint.endswith(ENDS_LOGINS)]
    for number, visit in enumerate(visits):
        for turn in range(4):
            word = TRICKS[(number * 4 + turn) % len(TRICKS)]
            person = chief if visit.address.startswith("/admin") else owner
            check(ask(person, visit, word), (visit, word))
    assert calls == []


def test_what_is_kept_stays_text(app: Flask, owner: Client, estate: Estate, calls: list[object]) -> None:
    """One field of a form that is otherwise in order is planted, to be kept where it may be; then all is read."""
    for visit in estate.visits(app, owned=False):
        if visit.method == "GET" or visit.endpoint.endswith(ENDS_LOGINS) or visit.endpoint.startswith("api."):
            continue
        for field in ("patient", "specimen", "note", "reason", "text", "comment", "serial", "name"):
            check(owner.post(visit.address, {**PLAUSIBLE, field: f"{FORMULA}{MARKUP}"}), (visit, field))
    for visit in estate.visits(app, owned=False):
        if visit.method == "GET" and not visit.endpoint.startswith("api."):
            check(owner.get(visit.address), visit)
    assert MARKUP.replace("<", "&lt;").replace(">", "&gt;") in owner.get("/cases").text, "nothing was kept"
    assert calls == []


def test_no_form_fails_for_want_of_a_field(app: Flask, owner: Client, estate: Estate,
                                           login: Callable[..., Client]) -> None:
    chief = login("chief@clinic.example", "admin")
    for visit in estate.visits(app, owned=False):
        if visit.method != "GET" and not visit.endpoint.endswith(ENDS_LOGINS):
            person = chief if visit.address.startswith("/admin") else owner
            for fields in ({}, dict.fromkeys(PLAUSIBLE, "")):
                check(person.post(visit.address, fields), (visit, fields))


@pytest.mark.parametrize("word", [
    "../config.py", "..%2fconfig.py", "%2e%2e/config.py", "..\\config.py", "/etc/passwd", "....//config.py",
    "%00", "a%00.png", "C:\\windows", "~root", ".", "..", "%c0%ae%c0%ae/config.py", "nul", "a/../../b"])
def test_no_word_of_an_address_is_a_path(word: str, app: Flask, owner: Client, calls: list[object]) -> None:
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and {"name", "key", "version", "filename", "mark"} & rule.arguments:
            address = rule.rule
            for argument in rule.arguments:
                inside = f"<{argument}>" if f"<{argument}>" in address else f"<path:{argument}>"
                address = (address.replace(inside, word) if inside in address
                           else address.replace(f"<id:{argument}>", "1").replace(f"<int:{argument}>", "0"))
            answer = owner.get(address)
            assert answer.status_code in (301, 302, 308, 400, 401, 404), (address, answer.status_code)
            assert b"SettingError" not in answer.data
    assert calls == []
