"""What an account, and all together, may do within an hour: counted exactly, whoever else counts at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import select

from config import load_settings
from portal.extensions import db
from portal.services import allowances
from portal.services.allowances import Allowance
from portal.services.errors import AllowanceSpent
from portal.storage.tables.operations import HourlyCount

AT = datetime(2026, 3, 1, 14, 48, 30)
NINE = Allowance(name="uploads", most=9, words="{whose} {most}")
THREADS = 8


def amounts() -> dict[int, int]:
    """What stands in the rows, by owner; 0 is everybody."""
    db.session.rollback()
    rows = db.session.scalars(select(HourlyCount).where(HourlyCount.what == "uploads"))
    return {row.owner: row.amount for row in rows}


def test_as_much_as_may_be_is_taken_and_not_one_more(inside: Flask) -> None:
    allowances.take(NINE, 7, 4, AT)
    allowances.take(NINE, 7, 5, AT + timedelta(minutes=11))
    with pytest.raises(AllowanceSpent, match=r"^Your account 9$") as refused:
        allowances.take(NINE, 7, 1, AT)
    assert refused.value.seconds == 11 * 60 + 30
    assert amounts() == {7: 9, 0: 9}


def test_what_does_not_fit_as_a_whole_is_not_counted_in_part(inside: Flask) -> None:
    allowances.take(NINE, 7, 6, AT)
    with pytest.raises(AllowanceSpent):
        allowances.take(NINE, 7, 4, AT)
    assert amounts() == {7: 6, 0: 6}
    allowances.take(NINE, 7, 3, AT)


def test_more_at_once_than_an_hour_takes_is_told_so_without_a_wait(inside: Flask) -> None:
    with pytest.raises(AllowanceSpent, match=r"^You sent 10 files at once, and your account may send 9 ") as refused:
        allowances.take(NINE, 7, 10, AT)
    assert refused.value.seconds == 0
    assert amounts() == {}
    allowances.take(NINE, 7, 9, AT)


def test_a_new_hour_begins_anew_and_forgets_the_old_ones(inside: Flask) -> None:
    allowances.take(NINE, 7, 9, AT)
    allowances.take(NINE, 7, 9, AT + timedelta(minutes=12))
    allowances.take(NINE, 7, 9, AT + timedelta(hours=5))
    db.session.rollback()
    assert len(db.session.scalars(select(HourlyCount)).all()) == 2
    # A clock that was set back finds an hour of its own.
    allowances.take(NINE, 7, 9, AT + timedelta(hours=3))


def test_others_and_other_things_have_a_count_of_their_own_until_all_together_have_had_enough(inside: Flask) -> None:
    allowances.take(NINE, 1, 9, AT)
    allowances.take(Allowance(name="exports", most=1, words=""), 1, 1, AT)
    for number in range(2, 11):
        allowances.take(NINE, number, 9, AT)
    with pytest.raises(AllowanceSpent, match=r"^All accounts together 90$"):
        allowances.take(NINE, 11, 1, AT)
    assert amounts()[0] == 90


def test_without_a_limit_nothing_is_counted(inside: Flask) -> None:
    allowances.take(Allowance(name="uploads", most=0, words=""), 7, 10**9, AT)
    assert amounts() == {}


@pytest.mark.parametrize("before", [0, 1], ids=["the first of the hour", "others before"])
def test_of_many_at_once_none_is_lost_and_none_slips_through(inside: Flask, before: int) -> None:
    if before:
        allowances.take(NINE, 7, before, AT)
    start = Barrier(THREADS)

    def take_three(_number: int) -> int:
        with inside.app_context():
            start.wait()
            taken = 0
            for _ in range(3):
                try:
                    allowances.take(NINE, 7, 1, AT)
                except AllowanceSpent:
                    continue
                taken += 1
            return taken

    with ThreadPoolExecutor(THREADS) as threads:
        assert sum(threads.map(take_three, range(THREADS))) == 9 - before
    assert amounts() == {7: 9, 0: 9}


def test_it_waits_for_no_transaction_of_the_caller_and_leaves_it_alone(inside: Flask) -> None:
    db.session.add(HourlyCount(hour=1, what="exports", owner=1, amount=1))
    allowances.take(NINE, 7, 1, AT)
    assert len(db.session.new) == 1
    db.session.rollback()
    with db.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_what_a_busy_reader_does_is_far_below_the_defaults(tmp_path: object) -> None:
    settings = load_settings({"PORTAL_INSTANCE": str(tmp_path)})
    assert allowances.of_uploads(settings).most >= 10 * settings.max_upload_files
    assert allowances.of_exports(settings).most >= 60
