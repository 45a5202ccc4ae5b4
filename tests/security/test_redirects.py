"""No route sends anybody to another site, whatever it was asked and wherever the request says that it came from."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.conftest import PASSWORD
from tests.support.client import Client
from tests.support.estate import ENDS_LOGINS, PLAUSIBLE, Estate

EVIL = "evil.example"
TARGETS = (f"https://{EVIL}", f"//{EVIL}", f"/\\{EVIL}", f"\\\\{EVIL}", f"https:{EVIL}", f"/\t/{EVIL}", f"///{EVIL}",
           f"javascript:alert('{EVIL}')", f"/@{EVIL}", f"/%2f%2f{EVIL}", f"/login?next=//{EVIL}")
WORDS = ("next", "url", "target", "return", "return_to", "redirect", "continue", "back", "here")
SAYS = {"Referer": f"https://{EVIL}/page", "Origin": f"https://{EVIL}", "X-Forwarded-Host": EVIL,
        "X-Forwarded-Server": EVIL, "Forwarded": f"host={EVIL}", "X-Original-URL": f"https://{EVIL}",
        "X-Rewrite-URL": f"https://{EVIL}"}

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def check(answer: TestResponse, where: object) -> None:
    told = [answer.headers.get(name, "") for name in ("Location", "Refresh", "HX-Redirect", "HX-Location")]
    for location in told:
        parts = urlsplit(location)
        assert parts.scheme in ("", "http"), where
        assert parts.netloc in ("", "localhost"), where
        assert not location.startswith(("//", "/\\", "\\")), where


def test_no_route_leads_away(app: Flask, client: Client, owner: Client, estate: Estate) -> None:
    for number, visit in enumerate(estate.visits(app, owned=False)):
        asked = dict.fromkeys(WORDS, TARGETS[number % len(TARGETS)])
        for person in (client, owner):
            if visit.method == "GET":
                check(person.get(visit.address, query_string=asked, headers=SAYS), (visit, asked))
            elif not visit.endpoint.endswith(ENDS_LOGINS):
                check(person.post(visit.address, {**PLAUSIBLE, **asked}, query_string=asked, headers=SAYS),
                      (visit, asked))


@pytest.mark.parametrize("target", TARGETS)
def test_a_login_leads_nowhere_else(target: str, app: Flask, make_user: Callable[..., int]) -> None:
    make_user()
    answer = Client(app).post("/login", {"email": "reader@clinic.example", "password": PASSWORD, "next": target},
                              query_string={"next": target})
    assert answer.status_code == 303
    check(answer, target)
    assert urlsplit(answer.location).path.startswith("/")
