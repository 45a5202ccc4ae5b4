"""The login guard: how long a wait is, whom it holds up, and what it forgets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from portal.extensions import db
from portal.services import login_guard
from portal.services.errors import TooManyTries
from portal.services.login_guard import ACCOUNT, ADDRESS, TOTAL, Rule, seconds_left, wait_after
from portal.storage.login_failures import Failures
from portal.storage.tables.accounts import LoginFailure

rules = st.sampled_from([ACCOUNT, ADDRESS, Rule(free=1, longest=timedelta(seconds=7))])
moments = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2100, 1, 1))
ADA = "ada@clinic.example"


def fail(times: int, at: datetime, email: str = ADA, address: str = "192.0.2.1") -> None:
    for _ in range(times):
        login_guard.begin_try(email, address, at)


def kept_failures() -> int:
    return db.session.scalar(select(func.count()).select_from(LoginFailure)) or 0


@given(st.integers(0, 10_000), rules)
def test_a_wait_never_shrinks_and_never_exceeds_the_longest(failures: int, rule: Rule) -> None:
    assert timedelta(0) <= wait_after(failures, rule) <= wait_after(failures + 1, rule) <= rule.longest


@given(st.integers(0, 10_000), rules)
def test_a_wait_begins_with_the_last_free_failure(failures: int, rule: Rule) -> None:
    assert (wait_after(failures, rule) > timedelta(0)) == (failures >= rule.free)


def test_waits_double_up_to_a_quarter_of_an_hour() -> None:
    waits = [int(wait_after(count, ACCOUNT).total_seconds()) for count in range(4, 16)]
    assert waits == [0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


@given(st.integers(0, 100), rules, moments, st.floats(0, 4000))
def test_who_waits_as_long_as_told_is_heard(count: int, rule: Rule, last: datetime, passed: float) -> None:
    at = last + timedelta(seconds=passed)
    failures = Failures(count=count, last=last if count else None)
    seconds = seconds_left(failures, rule, at)
    assert seconds >= 0
    assert seconds_left(failures, rule, at + timedelta(seconds=seconds)) == 0


def test_five_wrong_tries_are_free_and_the_sixth_waits(inside: Flask, at: datetime) -> None:
    fail(5, at)
    with pytest.raises(TooManyTries) as caught:
        fail(1, at)
    assert caught.value.seconds == 2
    fail(1, at + timedelta(seconds=2))
    with pytest.raises(TooManyTries):
        fail(1, at + timedelta(seconds=5))


def test_a_refused_try_neither_counts_nor_lengthens_the_wait(inside: Flask, at: datetime) -> None:
    fail(5, at)
    for _ in range(10):
        with pytest.raises(TooManyTries):
            fail(1, at + timedelta(seconds=1))
    assert kept_failures() == 5
    fail(1, at + timedelta(seconds=2))


def test_an_account_is_slowed_whatever_address_asks(inside: Flask, at: datetime) -> None:
    for number in range(5):
        fail(1, at, address=f"192.0.2.{number}")
    with pytest.raises(TooManyTries):
        fail(1, at, address="198.51.100.7")


def test_another_account_at_the_same_address_is_not_slowed(inside: Flask, at: datetime) -> None:
    fail(5, at)
    fail(1, at, email="grace@clinic.example")


def test_an_address_that_tries_many_accounts_is_slowed(inside: Flask, at: datetime) -> None:
    for number in range(20):
        fail(1, at, email=f"guess{number}@clinic.example")
    with pytest.raises(TooManyTries):
        fail(1, at, email="another@clinic.example")
    fail(1, at, email="another@clinic.example", address="198.51.100.7")


def test_a_whole_ipv6_network_counts_as_one_address(inside: Flask, at: datetime) -> None:
    for number in range(20):
        fail(1, at, email=f"guess{number}@clinic.example", address=f"2001:db8:1:2::{number:x}")
    with pytest.raises(TooManyTries):
        fail(1, at, email="another@clinic.example", address="2001:db8:1:2:ffff::1")
    fail(1, at, email="another@clinic.example", address="2001:db8:1:3::1")


def test_an_ipv4_address_written_as_ipv6_is_the_same_address(inside: Flask, at: datetime) -> None:
    fail(1, at, address="::ffff:192.0.2.1")
    assert db.session.scalar(select(LoginFailure.address)) == "192.0.2.1"


def test_a_right_password_forgives_its_account_only(inside: Flask, at: datetime) -> None:
    fail(5, at)
    fail(2, at, email="grace@clinic.example")
    login_guard.forgive(ADA)
    db.session.commit()
    assert kept_failures() == 2
    fail(1, at)


def test_failures_are_forgotten_and_removed_after_an_hour(inside: Flask, at: datetime) -> None:
    fail(5, at)
    fail(1, at + timedelta(hours=1, seconds=1))
    assert kept_failures() == 1


def test_an_address_that_is_no_ip_address_counts_too(inside: Flask, at: datetime) -> None:
    fail(1, at, address="")
    assert kept_failures() == 1


def test_many_tries_at_the_same_time_cannot_slip_past_the_count(app: Flask, at: datetime) -> None:
    def attempt(_: int) -> bool:
        with app.app_context():
            try:
                login_guard.begin_try(ADA, "192.0.2.1", at)
            except TooManyTries:
                return False
            return True

    with ThreadPoolExecutor(12) as pool:
        heard = sum(pool.map(attempt, range(24)))
    with app.app_context():
        assert kept_failures() == heard <= ACCOUNT.free


def test_a_stranger_slows_nobody_in_a_browser_that_is_known(inside: Flask, at: datetime) -> None:
    for number in range(60):
        try:
            login_guard.begin_try(ADA, f"192.0.2.{number % 20}", at + timedelta(seconds=number))
        except TooManyTries:
            continue
    with pytest.raises(TooManyTries):
        login_guard.begin_try(ADA, "192.0.2.1", at + timedelta(seconds=60))
    login_guard.begin_try(ADA, "192.0.2.1", at + timedelta(seconds=60), "browser")


def test_who_guesses_in_a_known_browser_is_slowed_there(inside: Flask, at: datetime) -> None:
    for _ in range(5):
        login_guard.begin_try(ADA, "192.0.2.1", at, "browser")
    with pytest.raises(TooManyTries):
        login_guard.begin_try(ADA, "192.0.2.2", at, "browser")
    login_guard.begin_try(ADA, "192.0.2.1", at)
    login_guard.begin_try(ADA, "192.0.2.1", at, "another browser")
    login_guard.begin_try("grace@clinic.example", "192.0.2.1", at, "browser")


def test_many_machines_that_share_the_guessing_are_slowed_together(inside: Flask, at: datetime) -> None:
    db.session.add_all(LoginFailure(account_hash=str(number), address=f"198.51.{number // 100}.{number % 100}", at=at)
                       for number in range(TOTAL.free))
    db.session.commit()
    with pytest.raises(TooManyTries) as caught:
        fail(1, at)
    assert caught.value.seconds <= 60
    login_guard.begin_try(ADA, "192.0.2.1", at, "browser")
    fail(1, at + TOTAL.longest)


def test_tokens_mails_and_known_browsers_do_not_count_as_strangers_logins(inside: Flask, at: datetime) -> None:
    for address in ("api 192.0.2.1", "forgotten 192.0.2.1", login_guard.KNOWN):
        db.session.add_all(LoginFailure(account_hash=f"{address}{number}", address=address, at=at)
                           for number in range(TOTAL.free))
    db.session.commit()
    fail(1, at)


def test_an_act_is_counted_by_account_address_and_in_total(inside: Flask, at: datetime) -> None:
    rule = Rule(free=2, longest=timedelta(minutes=1))
    act = login_guard.Act(name="test", account=rule, address=rule, total=rule)
    login_guard.begin_act(act, ADA, "192.0.2.1", at)
    login_guard.begin_act(act, "grace@clinic.example", "192.0.2.2", at)
    with pytest.raises(TooManyTries):
        login_guard.begin_act(act, "third@clinic.example", "192.0.2.3", at)
    fail(1, at)
