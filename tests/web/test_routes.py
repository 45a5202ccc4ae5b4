"""Closed by default: walks every route rather than a list of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.routing import IntegerConverter, Rule

from portal.app import create_app
from portal.services import login_guard
from tests.conftest import make_settings
from tests.support.client import Client
from tests.support.programs import ROOT, Program, make_token

PAGES = Path(__file__).parents[2] / "docs" / "pages.md"
STATIC = {"static", "bootstrap.static"}
PUBLIC = {"home.index", "auth.login_form", "auth.login", "auth.register_form", "auth.register", "auth.registered",
          "auth.logout", "auth.code_form", "auth.code", "forgotten.forgotten_form", "forgotten.forgotten_ask",
          "forgotten.sent", "setup.setup_form", "setup.setup", "setup.reset_form", "setup.reset", "models.model_list",
          "models.model_view", "models.model_version", "models.model_picture", "health.healthz", "health.readyz",
          "health.metrics"}

PUBLIC_FOR_PROGRAMS = {"api.document"}


def rules(app: Flask) -> Iterator[Rule]:
    return (rule for rule in app.url_map.iter_rules() if rule.endpoint not in STATIC)


def is_for_programs(rule: Rule) -> bool:
    return rule.endpoint.startswith("api.")


def pages(app: Flask) -> Iterator[Rule]:
    """What browsers ask for, with the cookie of a login."""
    return (rule for rule in rules(app) if not is_for_programs(rule))


def address(rule: Rule) -> str:
    """The rule's address with an id that belongs to nobody."""
    values = {name: 987654 if isinstance(converter, IntegerConverter) else "nothing"
              for name, converter in rule._converters.items()}
    return rule.build(values)[1]  # type: ignore[index]


def test_every_route_has_a_guard(app: Flask) -> None:
    naked = [rule.endpoint for rule in rules(app) if not hasattr(app.view_functions[rule.endpoint], "guard")]
    assert not naked


def test_only_the_known_routes_are_public(app: Flask) -> None:
    public = {rule.endpoint for rule in rules(app)
              if app.view_functions[rule.endpoint].guard == "anyone"}  # type: ignore[attr-defined]
    assert public == PUBLIC | PUBLIC_FOR_PROGRAMS


def test_the_page_of_pages_names_each_route_once_and_says_where_the_password_is_asked_again(app: Flask) -> None:
    lines = PAGES.read_text(encoding="utf-8").splitlines()
    rows = [line.replace(r"\|", "").split(" | ") for line in lines if line.startswith("| ") and line.count(" | ") >= 3]
    named = [(endpoint, row[2]) for row in rows for endpoint in re.findall(r"`(\w+\.\w+)`", row[1])]
    assert Counter(endpoint for endpoint, _ in named) == Counter({rule.endpoint for rule in pages(app)})
    asks = {endpoint for endpoint, _ in named if getattr(app.view_functions[endpoint], "proven", False)}
    assert asks <= {endpoint for endpoint, guard in named if "proven" in guard}
    for row in rows:
        if "proven" in row[2]:
            assert asks & set(re.findall(r"`(\w+\.\w+)`", row[1])), row[0]


def test_a_route_without_a_guard_is_refused(app: Flask) -> None:
    unguarded = create_app(make_settings(app.extensions["settings"].instance))
    unguarded.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    answer = unguarded.test_client().get("/forgotten")
    assert answer.status_code == 404
    assert b"secret" not in answer.data


def test_every_other_page_asks_for_a_login(app: Flask, client: Client) -> None:
    for rule in pages(app):
        if rule.endpoint in PUBLIC:
            continue
        url = address(rule)
        answer = client.get(url) if "GET" in (rule.methods or ()) else client.post(url)
        assert answer.status_code == 302, rule
        assert answer.location.startswith("/login"), rule


def test_every_route_of_the_api_but_its_document_asks_for_a_token(
        app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    # More wrong tokens than an address may send; that it waits then is another test's.
    monkeypatch.setattr(login_guard, "TOKEN", login_guard.Rule(free=10**6, longest=login_guard.TOKEN.longest))
    asked = [rule for rule in rules(app) if is_for_programs(rule) and rule.endpoint not in PUBLIC_FOR_PROGRAMS]
    assert asked
    for rule in asked:
        assert app.view_functions[rule.endpoint].guard == "token", rule  # type: ignore[attr-defined]
        for token in (None, "", "sr_guess"):
            for method in (rule.methods or set()) - {"OPTIONS"}:
                answer = Program(app, token).ask(method, address(rule).removeprefix(ROOT))
                assert answer.status_code == 401, (method, rule)
                assert answer.mimetype == "application/problem+json"
                assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_login_is_no_token_and_a_token_is_no_login(app: Flask, login: Callable[..., Client]) -> None:
    """So no other site can make a browser ask the API, and no leaked token opens the pages."""
    reader = login()
    for rule in rules(app):
        if is_for_programs(rule) and rule.endpoint not in PUBLIC_FOR_PROGRAMS:
            for method in (rule.methods or set()) - {"OPTIONS"}:
                assert reader.post_without_token(address(rule), method=method).status_code == 401, (method, rule)
    program = app.test_client(use_cookies=False)
    headers = {"Authorization": f"Bearer {make_token(app, 1)}"}
    for rule in pages(app):
        if rule.endpoint not in PUBLIC and "GET" in (rule.methods or ()):
            assert program.get(address(rule), headers=headers).status_code == 302, rule


def test_every_changing_page_refuses_a_request_without_its_token(
        app: Flask, login: Callable[..., Client]) -> None:
    for role in ("clinician", "admin"):
        reader = login(f"{role}@clinic.example", role)
        for rule in pages(app):
            for method in (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}:
                answer = reader.post_without_token(address(rule), method=method)
                assert answer.status_code == 400, (method, rule)


def test_administration_is_hidden_from_clinicians(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    for rule in rules(app):
        if app.view_functions[rule.endpoint].guard != "administrator":  # type: ignore[attr-defined]
            continue
        url = address(rule)
        answer = reader.get(url) if "GET" in (rule.methods or ()) else reader.post(url)
        assert answer.status_code == 404, rule
