"""How much was done within an hour: a row for each thing, hour and owner, and one statement that adds to several."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection, case, delete, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from portal.extensions import db
from portal.storage.tables.operations import HourlyCount

log = logging.getLogger("portal.hourly_counts")


def add_within(what: str, hour: int, amount: int, most: Mapping[int, int]) -> int | None:
    """Add the amount to the row of every owner in `most`, unless one of them would get above what it says.

    Returns that owner, or None when it was added and committed. On a connection of its own: nobody waits for the
    running transaction, and that one for nobody.
    """
    with db.engine.connect() as connection, _soon(connection):
        while not _was_added(connection, what, hour, amount, most):
            held = _amounts(connection, what, hour, most)
            full = next((owner for owner in most if held.get(owner, 0) + amount > most[owner]), None)
            if full is not None:
                return full
            for owner in most.keys() - held.keys():
                _begin_hour(connection, what, hour, owner)
    return None


def _was_added(connection: Connection, what: str, hour: int, amount: int, most: Mapping[int, int]) -> bool:
    """To all rows or to none. What stands in a row is compared and raised at once, so that none of two is lost."""
    limit = case(dict(most), value=HourlyCount.owner)
    met = connection.execute(update(HourlyCount).where(
        HourlyCount.hour == hour, HourlyCount.what == what, HourlyCount.owner.in_(most),
        HourlyCount.amount <= limit - amount).values(amount=HourlyCount.amount + amount)).rowcount
    if met == len(most):
        connection.commit()
        return True
    connection.rollback()
    return False


def _amounts(connection: Connection, what: str, hour: int, most: Mapping[int, int]) -> dict[int, int]:
    rows = connection.execute(select(HourlyCount.owner, HourlyCount.amount).where(
        HourlyCount.hour == hour, HourlyCount.what == what, HourlyCount.owner.in_(most))).all()
    connection.rollback()
    return {row.owner: row.amount for row in rows}


def _begin_hour(connection: Connection, what: str, hour: int, owner: int) -> None:
    """An empty row, in a transaction of its own: of two who begin at the same moment one finds the other's."""
    try:
        connection.execute(insert(HourlyCount).values(hour=hour, what=what, owner=owner, amount=0))
        connection.commit()
    except IntegrityError:
        connection.rollback()
        return
    _forget_before(connection, hour - 1)


def _forget_before(connection: Connection, hour: int) -> None:
    """On MariaDB it may meet another who does the same: one of the two leaves it be."""
    try:
        connection.execute(delete(HourlyCount).where(HourlyCount.hour < hour))
        connection.commit()
    except OperationalError as problem:
        connection.rollback()
        log.info("old counts are left for the next hour to forget: %s", type(problem.orig).__name__)


@contextmanager
def _soon(connection: Connection) -> Iterator[None]:
    """SQLite need not wait for the disk: a count that a power failure takes along harms nobody."""
    if connection.dialect.name != "sqlite":
        yield
        return
    connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
    try:
        yield
    finally:
        connection.rollback()
        connection.exec_driver_sql("PRAGMA synchronous=FULL")
