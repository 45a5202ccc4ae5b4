"""The second factor: which codes are right, that each is used once, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pyotp
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from config import Settings
from portal.extensions import db
from portal.services import logins, second_factor
from portal.services.audit import Actor
from portal.services.errors import BadLogin, HalfLoginOver, NotFound, TooManyTries
from portal.services.login_sessions import Client, Login
from portal.services.logins import HalfLogin
from portal.services.sealed import CannotOpen, seal, unseal
from portal.storage import second_factors
from portal.storage.tables.accounts import RecoveryCode, User, UserSession
from portal.storage.tables.administration import AuditEvent
from tests.conftest import PASSWORD
from tests.support.authenticator import SECRET

READER = "reader@clinic.example"
WARD = Client(address="192.0.2.1", browser="")
HERE = Actor(address="192.0.2.1")
# RFC 6238, appendix B, SHA-1: the last six of the eight digits there.
RFC_KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
RFC = [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"),
       (2000000000, "279037"), (20000000000, "353130")]


def moment(seconds: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(seconds=seconds)


@pytest.mark.parametrize(("seconds", "digits"), RFC)
def test_the_published_examples_are_right(seconds: int, digits: str) -> None:
    assert second_factor.matching_step(RFC_KEY, digits, moment(seconds), None) == seconds // 30


@given(st.integers(30, 4_000_000_000), st.integers(-3, 3))
def test_a_code_of_a_neighbouring_half_minute_is_taken_and_none_farther_off(seconds: int, off: int) -> None:
    step = seconds // 30
    code = second_factor.code_at(SECRET, max(0, step + off))
    found = second_factor.matching_step(SECRET, code, moment(seconds), None)
    near = {second_factor.code_at(SECRET, step + one): step + one for one in (-1, 0, 1) if step + one > 0}
    assert (found is not None) == (code in near)


@given(st.text(max_size=12))
def test_what_is_no_six_digits_is_never_a_code(text: str) -> None:
    found = second_factor.matching_step(SECRET, text, moment(10**9), None)
    assert found is None or len("".join(text.split())) == 6


def test_blanks_in_a_code_do_not_matter() -> None:
    assert second_factor.matching_step(RFC_KEY, " 287 082 ", moment(59), None) == 1


def test_digits_of_other_scripts_are_no_code() -> None:
    assert second_factor.matching_step(RFC_KEY, "٢٨٧٠٨٢", moment(59), None) is None


def test_a_recovery_code_has_more_than_128_random_bits() -> None:
    """Each of its letters and digits is one of 32: five bits."""
    for code in second_factor.draw_codes():
        assert len(code.replace("-", "")) * 5 >= 160


def test_recovery_codes_differ_and_are_found_however_they_are_typed() -> None:
    codes = second_factor.draw_codes()
    assert len(set(codes)) == 10
    one = codes[0]
    assert len(one.replace("-", "")) * 5 >= 112  # bits of base32
    for typed in (one.lower(), one.replace("-", " "), one.replace("O", "0").replace("I", "1").replace("B", "8")):
        assert second_factor.code_digest(typed) == second_factor.code_digest(one)


def test_a_sealed_secret_opens_for_its_owner_and_key_only() -> None:
    kept = seal("k" * 40, 7, SECRET)
    assert SECRET not in kept
    assert kept != seal("k" * 40, 7, SECRET)
    assert unseal(["k" * 40], 7, kept) == SECRET
    assert unseal(["x" * 40, "k" * 40], 7, kept) == SECRET
    form, name, rest = kept.split(".")
    for key, owner, text in (("x" * 40, 7, kept), ("k" * 40, 8, kept), ("k" * 40, 7, "rubbish"), ("k" * 40, 7, ""),
                             ("k" * 40, 7, f"3.{name}.{rest}"), ("k" * 40, 7, f"{form}.00000000.{rest}")):
        with pytest.raises(CannotOpen):
            unseal([key], owner, text)


@pytest.fixture
def user_id(inside: Flask, make_user: Callable[..., int]) -> int:
    return make_user()


@pytest.fixture
def codes(user_id: int, settings: Settings, at: datetime) -> list[str]:
    """The recovery codes of the reader, who has just set a second factor up with the code of the step before."""
    login = logins.log_in(WARD, READER, PASSWORD, remember=False, settings=settings, at=at)
    assert isinstance(login, Login)
    typed = second_factor.code_at(SECRET, second_factor.step_of(at) - 1)
    return second_factor.set_up(HERE, login, SECRET, typed, settings=settings, at=at)[1]


def half(settings: Settings, at: datetime) -> HalfLogin:
    found = logins.log_in(WARD, READER, PASSWORD, remember=False, settings=settings, at=at)
    assert isinstance(found, HalfLogin)
    return found


def with_code(settings: Settings, at: datetime, code: str, begun: HalfLogin | None = None) -> Login:
    return logins.log_in_with_code(WARD, begun or half(settings, at), code, settings=settings, at=at)


def code_now(at: datetime, steps: int = 0) -> str:
    return str(pyotp.TOTP(SECRET).generate_otp(second_factor.step_of(at) + steps))


def count_sessions() -> int:
    return len(db.session.scalars(select(UserSession)).all())


def test_a_password_alone_opens_nothing_any_more(codes: list[str], settings: Settings, at: datetime) -> None:
    before = count_sessions()
    half(settings, at)
    assert count_sessions() == before


def test_a_code_opens_once(codes: list[str], settings: Settings, at: datetime) -> None:
    login = with_code(settings, at, code_now(at))
    assert (login.email, login.lacks_second_factor) == (READER, False)
    with pytest.raises(BadLogin):
        with_code(settings, at, code_now(at))
    with pytest.raises(BadLogin):
        with_code(settings, at, code_now(at, -1))
    assert with_code(settings, at, code_now(at, 1)).email == READER


def test_the_code_that_set_it_up_opens_nothing(codes: list[str], settings: Settings, at: datetime) -> None:
    with pytest.raises(BadLogin):
        with_code(settings, at, code_now(at, -1))


def test_a_code_sent_twice_at_once_opens_once(
        app: Flask, codes: list[str], settings: Settings, at: datetime) -> None:
    begun, code = half(settings, at), code_now(at)

    def attempt(_: int) -> bool:
        with app.app_context():
            try:
                with_code(settings, at, code, begun)
            except (BadLogin, TooManyTries):
                return False
            return True

    db.session.commit()
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, range(4))) == 1


def test_each_recovery_code_opens_once(
        codes: list[str], user_id: int, settings: Settings, at: datetime) -> None:
    for code in codes[:2]:
        assert with_code(settings, at, code.lower()).email == READER
        with pytest.raises(BadLogin):
            with_code(settings, at, code)
    assert second_factors.count_codes(user_id) == 8


def test_nothing_that_is_kept_tells_a_code(codes: list[str], user_id: int, at: datetime) -> None:
    kept = " ".join(db.session.scalars(select(RecoveryCode.code_hash)).all())
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)
    assert SECRET not in (db.session.get_one(User, user_id).totp_secret or "")


def test_wrong_codes_are_slowed_and_the_password_does_not_forgive_them(
        codes: list[str], settings: Settings, at: datetime) -> None:
    begun = half(settings, at)
    for _ in range(5):
        with pytest.raises(BadLogin):
            with_code(settings, at, "000000")
    with pytest.raises(TooManyTries):
        half(settings, at)
    with pytest.raises(TooManyTries):
        with_code(settings, at, code_now(at), begun)


def test_a_half_login_is_over_after_five_minutes(codes: list[str], settings: Settings, at: datetime) -> None:
    begun, late = half(settings, at), at + timedelta(minutes=5)
    assert logins.is_half_in(begun, late - timedelta(seconds=1))
    with pytest.raises(HalfLoginOver):
        with_code(settings, late, code_now(late), begun)


@pytest.mark.parametrize("change", ["password_hash", "totp_secret"])
def test_a_half_login_ends_with_what_it_rests_on(
        change: str, codes: list[str], user_id: int, settings: Settings, at: datetime) -> None:
    begun = half(settings, at)
    setattr(db.session.get_one(User, user_id), change, "another")
    db.session.commit()
    with pytest.raises(HalfLoginOver):
        with_code(settings, at, code_now(at), begun)


def test_an_account_closed_between_the_halves_stays_closed(
        codes: list[str], user_id: int, settings: Settings, at: datetime) -> None:
    begun = half(settings, at)
    db.session.get_one(User, user_id).status = "disabled"
    db.session.commit()
    with pytest.raises(BadLogin):
        with_code(settings, at, code_now(at), begun)


def test_with_another_secret_key_recovery_codes_still_open(
        codes: list[str], settings: Settings, at: datetime) -> None:
    other = replace(settings, secret_key="n" * 40)
    with pytest.raises(BadLogin, match="recovery code"):
        with_code(other, at, code_now(at))
    assert with_code(other, at, codes[0]).email == READER


def test_setting_it_up_ends_the_other_logins(user_id: int, settings: Settings, at: datetime) -> None:
    _, second = (logins.log_in(WARD, READER, PASSWORD, remember=False, settings=settings, at=at) for _ in range(2))
    assert isinstance(second, Login)
    second_factor.set_up(HERE, second, SECRET, code_now(at), settings=settings, at=at)
    assert [row.id for row in db.session.scalars(select(UserSession))] == [second.session_id]


def test_a_reset_makes_it_and_its_codes_worthless_and_ends_logins(
        codes: list[str], user_id: int, settings: Settings, at: datetime) -> None:
    begun = half(settings, at)
    second_factor.reset(HERE, user_id)
    assert count_sessions() == 0
    with pytest.raises(HalfLoginOver):
        with_code(settings, at, codes[0], begun)
    assert isinstance(logins.log_in(WARD, READER, PASSWORD, remember=False, settings=settings, at=at), Login)


def test_an_administrator_cannot_do_without(make_user: Callable[..., int], inside: Flask) -> None:
    with pytest.raises(NotFound):
        second_factor.remove(HERE, make_user("chief@clinic.example", role="admin"))


def test_what_was_done_is_in_the_audit_trail_and_no_secret(
        codes: list[str], user_id: int, settings: Settings, at: datetime) -> None:
    with pytest.raises(BadLogin):
        with_code(settings, at, "000000")
    with_code(settings, at, codes[0])
    second_factor.renew_codes(HERE, user_id)
    second_factor.remove(HERE, user_id)
    events = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
    assert [one.action for one in events] == [
        "login.success", "second-factor.set-up", "login.failure", "login.success", "second-factor.codes",
        "second-factor.remove"]
    assert events[3].details == {"factor": "recovery code"}
    assert not any(SECRET in str(one.details) or code in str(one.details) for one in events for code in codes)
