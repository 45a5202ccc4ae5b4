"""Slows those who guess passwords, by account and by address; what it knows is in the database."""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.extensions import db
from portal.services.errors import TooManyTries
from portal.services.tokens import digest
from portal.storage import login_failures
from portal.storage.login_failures import Failures

WINDOW = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """So many failures are free; each one more doubles the wait, up to the longest."""

    free: int
    longest: timedelta


ACCOUNT = Rule(free=5, longest=timedelta(minutes=15))
# A whole clinic may share one address.
ADDRESS = Rule(free=20, longest=timedelta(minutes=15))
TOKEN = Rule(free=20, longest=timedelta(minutes=15))


def wait_after(failures: int, rule: Rule) -> timedelta:
    """How long after the last of so many failures the next try is heard."""
    if failures < rule.free:
        return timedelta(0)
    doublings = min(failures - rule.free + 1, 20)
    return min(timedelta(seconds=2**doublings), rule.longest)


def seconds_left(failures: Failures, rule: Rule, at: datetime) -> int:
    """Whole seconds until the next try is heard; 0 when it is heard now."""
    if failures.last is None:
        return 0
    left = failures.last + wait_after(failures.count, rule) - at
    return max(0, math.ceil(left.total_seconds()))


def begin_try(email: str, address: str, at: datetime) -> None:
    """Count a try before its password is looked at, and commit. Raises TooManyTries.

    It stands as a failure until `forgive`, so that many tries at once cannot all slip through.
    """
    account, network = digest(email), _network(address)
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
    # In a transaction of its own: on MariaDB it locks what others insert into.
    login_failures.delete_older(at - WINDOW)
    db.session.commit()


def forgive(email: str) -> None:
    """Forget the account's failures, within the caller's transaction: the password was right."""
    login_failures.delete_account(digest(email))


def count_bad_token(address: str, at: datetime) -> None:
    """Count a personal token that lets nobody in, and commit. Raises TooManyTries for an address that sent many.

    Counted apart from logins: a forgotten script must not keep its clinic from logging in.
    """
    network = f"api {_network(address)}"[:45]
    seconds = seconds_left(login_failures.count_address(network, at - WINDOW), TOKEN, at)
    if seconds:
        raise TooManyTries(seconds)
    login_failures.add_failure(digest(network), network, at)
    db.session.commit()
    login_failures.delete_older(at - WINDOW)
    db.session.commit()


def _refuse_when_slowed(account: str, network: str, at: datetime, but: int | None = None) -> None:
    since = at - WINDOW
    seconds = max(seconds_left(login_failures.count_account(account, since, but), ACCOUNT, at),
                  seconds_left(login_failures.count_address(network, since, but), ADDRESS, at))
    if seconds:
        raise TooManyTries(seconds)


def _network(address: str) -> str:
    """The address, or of an IPv6 one the network: one household or attacker has 2**64 of them."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:45]
    if parsed.version == 4:
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed.packed[:8] + bytes(8), 64)).network_address)
