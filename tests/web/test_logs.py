"""Every request leaves one line with its id, and no line anywhere holds what somebody sent."""

from __future__ import annotations

import importlib
import io
import json
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.datastructures import FileStorage
from werkzeug.routing import IntegerConverter
from werkzeug.test import encode_multipart
from wtforms import Form

import portal.forms
from portal.app import create_app
from portal.extensions import db
from portal.services import passwords
from portal.storage.tables.accounts import User
from tests.conftest import PASSWORD, make_settings
from tests.support import databases
from tests.support.client import Client
from tests.support.programs import make_token
from tests.web.test_routes import rules

PLANTED = "Quendelwort"
NASTY = f"{PLANTED} 1957-03-02\r\n{{\"level\": \"INFO\", \"message\": \"forged\"}}\x1b[2J\u2028"
EMAIL = f"{PLANTED.lower()}@clinic.example"


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def access_lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [line for line in lines_of(capsys.readouterr().err) if line["logger"] == "portal.access"]


def test_a_request_is_one_line_with_the_route_and_not_the_address(
        login: Callable[..., Client], capsys: pytest.CaptureFixture[str]) -> None:
    reader = login()
    capsys.readouterr()
    answer = reader.get(f"/cases?q={PLANTED}")
    [line] = access_lines(capsys)
    assert {name: line[name] for name in ("level", "method", "route", "status", "user")} == {
        "level": "INFO", "method": "GET", "route": "/cases", "status": 200, "user": 1}
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert line["time"].endswith("Z")
    assert line["ms"] > 0


def test_an_address_that_leads_nowhere_is_not_repeated(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    client.get(f"/{PLANTED}")
    said = capsys.readouterr().err
    assert PLANTED not in said
    assert lines_of(said)[-1]["route"] == "(none)"


@pytest.mark.parametrize(("proxies", "told", "taken"), [
    (1, "proxy-17.b_4e", True), (0, "proxy-17.b_4e", False), (1, "short", False), (1, "x" * 65, False),
    (1, "with blank here", False), (1, 'quo"te-and-more', False)])
def test_an_id_is_taken_from_a_trusted_proxy_only_and_only_well_formed(
        tmp_path: Path, proxies: int, told: str, taken: bool) -> None:
    app = create_app(make_settings(tmp_path, trusted_proxies=proxies))
    answer = app.test_client().get("/healthz", headers={"X-Request-ID": told})
    assert (answer.headers["X-Request-ID"] == told) is taken
    assert len(answer.headers["X-Request-ID"]) >= 8


def test_the_number_on_a_failure_page_is_the_one_in_the_log(
        login: Callable[..., Client], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(**_: object) -> None:
        raise ValueError(NASTY)

    reader = login()
    monkeypatch.setitem(reader.app.view_functions, "cases.case_list", fail)
    fail.guard = "signed_in"  # type: ignore[attr-defined]
    answer = reader.get("/cases")
    said = capsys.readouterr().err
    [crash] = [line for line in lines_of(said) if line["level"] == "ERROR"]
    assert (answer.status_code, crash["request_id"]) == (500, answer.headers["X-Request-ID"])
    assert crash["request_id"] in answer.text
    assert any("in fail" in frame for frame in crash["failure"])
    assert PLANTED not in said


@pytest.fixture
def quiet_app(tmp_path: Path, sqlite_template: Path) -> Iterator[Flask]:
    """One database is enough for what is not said; its server's own words are another test's."""
    url = databases.copy_sqlite(sqlite_template, tmp_path / "test.sqlite3")
    app = create_app(make_settings(tmp_path, url))
    app.testing, app.config["PROPAGATE_EXCEPTIONS"] = True, False
    yield app
    with app.app_context():
        db.engine.dispose()


def field_names() -> set[str]:
    """The names of all fields of all forms, and those that only scripts and programs send."""
    named = {"score_x", "shape", "points", "text", "piece", "ids", "offset"}
    for module in pkgutil.iter_modules(portal.forms.__path__, "portal.forms."):
        for one in vars(importlib.import_module(module.name)).values():
            if isinstance(one, type) and issubclass(one, Form):
                named |= {name for name in dir(one) if not name.startswith("_")
                          and hasattr(getattr(one, name), "field_class")}
    return named - {"csrf_token"}


def everything_sent(app: Flask, names: set[str], client: Client, token: str) -> int:
    """Ask every route with every method, the word in each place that a request has. Returns how many were asked."""
    asked, csrf = 0, client.token()
    for rule in rules(app):
        values = {name: 1 if isinstance(converter, IntegerConverter) else PLANTED
                  for name, converter in rule._converters.items()}
        address = rule.build(values)[1]  # type: ignore[index]
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}:
            headers = {"User-Agent": PLANTED, "Referer": f"http://localhost/?q={PLANTED}", "X-Request-ID": PLANTED}
            if rule.endpoint.startswith("api."):
                answer = app.test_client(use_cookies=False).open(
                    address, method=method, json=dict.fromkeys(names, NASTY), query_string={"q": NASTY},
                    headers={**headers, "Authorization": f"Bearer {token}"}, buffered=True)
            else:
                fields = {**dict.fromkeys(names, NASTY), "csrf_token": csrf,
                          "images": FileStorage(io.BytesIO(NASTY.encode()), filename=f"{PLANTED}.png")}
                boundary, body = encode_multipart(fields)
                answer = client._client.open(
                    address, method=method, data=body, query_string={"q": NASTY, "after": NASTY}, headers=headers,
                    content_type=f'multipart/form-data; boundary="{boundary}"', buffered=True)
            asked += 1
            assert answer.headers["X-Request-ID"]
            if method != "GET" and client._client.get("/account", buffered=True).status_code == 302:
                client.post("/login", {"email": EMAIL, "password": PASSWORD})
                csrf = client.token()
    return asked


def test_nothing_that_is_sent_anywhere_comes_into_the_log(
        quiet_app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    with quiet_app.app_context():
        db.session.add(User(email=EMAIL, name=PLANTED, role="admin", status="approved",
                            password_hash=passwords.hash_password(PASSWORD, 4)))
        db.session.commit()
    client = Client(quiet_app)
    assert client.post("/login", {"email": EMAIL, "password": PASSWORD}).status_code == 303
    client.post("/cases/new", {"patient": PLANTED, "specimen": "blood", "note": NASTY})
    asked = everything_sent(quiet_app, field_names(), client, make_token(quiet_app, 1, PLANTED))
    said = capsys.readouterr().err
    assert PLANTED.lower() not in said.lower()
    assert PASSWORD not in said
    lines = lines_of(said)
    assert not [line for line in lines if line["message"] == "forged"]
    assert len([line for line in lines if line["logger"] == "portal.access"]) >= asked > 100
