"""Slows those who guess passwords and codes, by account, by address and in total; what it knows is in the database.

A browser in which somebody logged in before is counted apart for that account: whoever guesses elsewhere, however
often, does not keep that person out.
"""

from __future__ import annotations

import ipaddress
import logging
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import OperationalError

from portal.extensions import db
from portal.services.errors import TooManyTries
from portal.services.tokens import digest
from portal.storage import login_failures
from portal.storage.login_failures import Failures, Span
from portal.storage.tables.columns import AHEAD

log = logging.getLogger("portal.login_guard")
WINDOW = timedelta(hours=1)
KNOWN = "known browser"
"""Instead of an address. Whatever is counted apart from strangers' logins has a blank in it: no address has."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """So many failures are free; each one more doubles the wait, up to the longest."""

    free: int
    longest: timedelta


ACCOUNT = Rule(free=5, longest=timedelta(minutes=15))
# A whole clinic may share one address.
ADDRESS = Rule(free=20, longest=timedelta(minutes=15))
# Everybody together, from browsers that are not known: many machines that share the guessing.
TOTAL = Rule(free=300, longest=timedelta(minutes=1))
TOKEN = Rule(free=20, longest=timedelta(minutes=15))


def wait_after(failures: int, rule: Rule) -> timedelta:
    """How long after the last of so many failures the next try is heard."""
    if failures < rule.free:
        return timedelta(0)
    doublings = min(failures - rule.free + 1, 20)
    return min(timedelta(seconds=2**doublings), rule.longest)


def seconds_left(failures: Failures, rule: Rule, at: datetime) -> int:
    """Whole seconds until the next try is heard; 0 when it is heard now."""
    wait = wait_after(failures.count, rule)
    # Another machine's clock may be a little ahead, and what is free costs nobody a second.
    if failures.last is None or not wait:
        return 0
    left = failures.last + wait - at
    return max(0, math.ceil(left.total_seconds()))


@dataclass(frozen=True, kw_only=True)
class Act:
    """Something that strangers may do, and how often: for one account, from one address, all together."""

    name: str
    account: Rule
    address: Rule
    total: Rule


QUARTER = timedelta(minutes=15)
FREELY = Rule(free=10**9, longest=QUARTER)
# Each costs a hash and an administrator's look; of one address `accounts.register` counts by itself.
REGISTER = Act(name="register", account=FREELY, address=FREELY, total=Rule(free=200, longest=timedelta(minutes=1)))
# Each costs somebody a mail.
FORGOTTEN = Act(name="forgotten", account=Rule(free=3, longest=QUARTER), address=Rule(free=10, longest=QUARTER),
                total=Rule(free=200, longest=timedelta(minutes=1)))


def begin_try(email: str, address: str, at: datetime, browser: str = "") -> int:
    """Count a try before its password or code is looked at, and commit; returns its number. Raises TooManyTries.

    It stands as a failure until `forgive` or `take_back`, so that many tries at once cannot all slip through.
    `browser` names one in which this account was logged in before.
    """
    account, network = _keys(email, address, browser)
    _refuse_when_slowed(account, network, at)
    own = login_failures.add_failure(account, network, at)
    db.session.commit()
    # Of two at the same time, the one whose row came in later sees the other's, whatever their numbers.
    try:
        _refuse_when_slowed(account, network, at, but=own)
    except TooManyTries:
        login_failures.delete_failure(own)
        db.session.commit()
        raise
    _forget_old(at)
    return own


def forgive(email: str, browser: str = "") -> None:
    """Forget the account's failures, within the caller's transaction: password and code were right."""
    login_failures.delete_account(_keys(email, "", browser)[0])


def take_back(own: int) -> None:
    """This try was no failure, within the caller's transaction; those before it stay counted."""
    login_failures.delete_failure(own)


def begin_act(act: Act, email: str, address: str, at: datetime) -> None:
    """Count what a stranger asks for, and commit; the same for addresses with and without an account.

    Raises TooManyTries.
    """
    account, network, span = digest(f"{act.name} {email}"), f"{act.name} {_network(address)}"[:45], _span(at)
    seconds = max(seconds_left(login_failures.count_account(account, span), act.account, at),
                  seconds_left(login_failures.count_address(network, span), act.address, at),
                  seconds_left(login_failures.count_kind(act.name, span), act.total, at))
    if seconds:
        raise TooManyTries(seconds)
    login_failures.add_failure(account, network, at)
    db.session.commit()
    _forget_old(at)


def count_bad_token(address: str, at: datetime) -> None:
    """Count a personal token that lets nobody in, and commit. Raises TooManyTries for an address that sent many.

    Counted apart from logins: a forgotten script must not keep its clinic from logging in.
    """
    network = f"api {_network(address)}"[:45]
    seconds = seconds_left(login_failures.count_address(network, _span(at)), TOKEN, at)
    if seconds:
        raise TooManyTries(seconds)
    login_failures.add_failure(digest(network), network, at)
    db.session.commit()
    _forget_old(at)


def _forget_old(at: datetime) -> None:
    """In a transaction of its own: on MariaDB it locks what others insert into. Of two that meet, one leaves it be."""
    try:
        login_failures.delete_older(at - WINDOW)
        db.session.commit()
    except OperationalError as problem:
        db.session.rollback()
        log.info("old failures are left for the next try to forget: %s", type(problem.orig).__name__)


def _span(at: datetime) -> Span:
    """What counts. Nobody is slowed for hours by what was written before the clock was set back."""
    return Span(since=at - WINDOW, until=at + AHEAD)


def _refuse_when_slowed(account: str, network: str, at: datetime, but: int | None = None) -> None:
    span = _span(at)
    seconds = seconds_left(login_failures.count_account(account, span, but), ACCOUNT, at)
    if network != KNOWN:
        seconds = max(seconds, seconds_left(login_failures.count_address(network, span, but), ADDRESS, at),
                      seconds_left(login_failures.count_strangers(span, but), TOTAL, at))
    if seconds:
        raise TooManyTries(seconds)


def _keys(email: str, address: str, browser: str) -> tuple[str, str]:
    """Under which account and address a try is counted."""
    return (digest(f"{email} {browser}"), KNOWN) if browser else (digest(email), _network(address))


def _network(address: str) -> str:
    """The address, or of an IPv6 one the network: one household or attacker has 2**64 of them."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address.replace(" ", "")[:45]
    if parsed.version == 4:
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed.packed[:8] + bytes(8), 64)).network_address)
