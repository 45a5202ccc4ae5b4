"""Login, register and reset tell a stranger nothing about who has an account: the same body, status and time.

Time is the work of the thread that answers (`time.thread_time`), not the clock: a busy machine lengthens every answer
by chance, and chance is no secret. Known and unknown addresses take turns in alternating order, their medians are
compared, and a comparison that misses is repeated at most three times: a difference that is there misses each time.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.extensions import db
from portal.services import accounts, login_guard, passwords
from portal.storage.tables.accounts import User
from tests.conftest import PASSWORD
from tests.support.client import TOKEN
from tests.support.mail_server import mail_server
from tests.web.test_forgotten import set_mail

ROUNDS = 10
"""A quarter of what a clinic's portal spends on a password, so that a difference shows four times as clearly."""
TIMES, ATTEMPTS, WITHIN = 15, 4, 0.10
KNOWN = "known@clinic.example"
Ask = Callable[[str], tuple[int, str, str]]


@pytest.fixture
def stranger(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, dict[str, str]], Ask]]:
    """Makes a function that posts a form for an address and tells status, where it leads and the body."""
    freely = login_guard.Rule(free=10**9, longest=timedelta(minutes=1))
    for name in ("ACCOUNT", "ADDRESS", "TOTAL"):
        monkeypatch.setattr(login_guard, name, freely)
    for name in ("REGISTER", "FORGOTTEN"):
        act = getattr(login_guard, name)
        monkeypatch.setattr(login_guard, name, replace(act, account=freely, address=freely, total=freely))
    monkeypatch.setattr(accounts, "REGISTRATIONS_AN_HOUR", 10**9)
    app.extensions["settings"] = replace(app.extensions["settings"], bcrypt_rounds=ROUNDS)
    with app.app_context():
        db.session.add(User(email=KNOWN, name="Known", role="clinician", status="approved",
                            password_hash=passwords.hash_password(PASSWORD, ROUNDS)))
        db.session.commit()

    def asking(url: str, fields: dict[str, str]) -> Ask:
        client: FlaskClient = app.test_client()
        found = TOKEN.search(client.get(url).get_data(as_text=True))
        assert found is not None
        token = found[1]

        def ask(address: str) -> tuple[int, str, str]:
            answer = client.post(url, data={**fields, "email": address, "csrf_token": token}, buffered=True)
            body = re.sub(r'(name="csrf_token"[^>]*value=|nonce=)"[^"]+"', r"\1", answer.get_data(as_text=True))
            return answer.status_code, answer.location or "", body.replace(address, "ADDRESS")

        return ask

    yield asking
    app.extensions["postman"].submit(lambda: None).result(timeout=60)


def assert_tells_nothing(ask: Ask, known: Callable[[], str], unknown: Callable[[], str]) -> None:
    assert ask(known()) == ask(unknown())
    ratios = []
    for _ in range(ATTEMPTS):
        ratios.append(compared(ask, known, unknown))
        if abs(ratios[-1] - 1) <= WITHIN:
            return
    raise AssertionError(f"known addresses take {ratios} times as long as unknown ones")


def compared(ask: Ask, known: Callable[[], str], unknown: Callable[[], str]) -> float:
    """The median for known addresses as a share of that for unknown ones."""
    spent: dict[bool, list[float]] = {True: [], False: []}
    for number in range(TIMES):
        for is_known in ((True, False) if number % 2 else (False, True)):
            address = known() if is_known else unknown()
            begun = time.thread_time()
            ask(address)
            spent[is_known].append(time.thread_time() - begun)
    return statistics.median(spent[True]) / statistics.median(spent[False])


def strangers() -> Callable[[], str]:
    numbers = count()
    return lambda: f"guest{next(numbers):04}@clinic.example"


def test_login(stranger: Callable[[str, dict[str, str]], Ask]) -> None:
    ask = stranger("/login", {"password": "a wrong password"})
    assert ask(KNOWN)[0] == 401
    assert_tells_nothing(ask, lambda: KNOWN, strangers())


def test_login_of_somebody_with_a_second_factor(
        app: Flask, stranger: Callable[[str, dict[str, str]], Ask]) -> None:
    """Only a right password leads to the code."""
    with app.app_context():
        db.session.query(User).update({"totp_secret": "sealed"})
        db.session.commit()
    assert_tells_nothing(stranger("/login", {"password": "a wrong password"}), lambda: KNOWN, strangers())


def test_register(stranger: Callable[[str, dict[str, str]], Ask]) -> None:
    ask = stranger("/register", {"name": "Ada Lovelace", "password": PASSWORD, "confirm": PASSWORD})
    assert ask(KNOWN)[:2] == (303, "/registered")
    assert_tells_nothing(ask, lambda: KNOWN, strangers())


def test_reset(app: Flask, stranger: Callable[[str, dict[str, str]], Ask]) -> None:
    with mail_server() as (kept, port):
        set_mail(app, port)
        ask = stranger("/forgotten", {})
        assert ask(KNOWN)[:2] == (303, "/forgotten/sent")
        assert_tells_nothing(ask, lambda: KNOWN, strangers())
        app.extensions["postman"].submit(lambda: None).result(timeout=60)
        assert kept.mails
