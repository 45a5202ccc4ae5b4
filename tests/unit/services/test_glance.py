"""Storage and queue at a glance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from portal.extensions import db
from portal.services import glance
from portal.storage.tables.columns import now
from portal.storage.tables.jobs import Job


@pytest.fixture
def inside(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


@given(amounts=st.lists(st.integers(-10, 10**13), max_size=8), whole=st.integers(0, 10**13))
def test_the_parts_of_a_bar_lie_behind_each_other_within_it(amounts: list[int], whole: int) -> None:
    parts = glance.parts_of([(str(place), one) for place, one in enumerate(amounts)], whole)
    end = 0.0
    for one in parts:
        assert one.start == pytest.approx(end, abs=0.01)
        assert one.width >= 0
        end = one.start + one.width
    assert end <= 100.01
    assert not whole or sum(max(0, one) for one in amounts) != whole or end == pytest.approx(100, abs=0.01)


def test_bytes_below_counts_every_file(tmp_path: Path) -> None:
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "one").write_bytes(b"12345")
    (tmp_path / "two").write_bytes(b"123")
    assert glance.bytes_below(tmp_path) == 8
    assert glance.bytes_below(tmp_path / "nowhere") == 0


def add_job(owner: int, **values: object) -> None:
    db.session.add(Job(**{"kind": "export", "owner_id": owner, "title": "x", **values}))
    db.session.commit()


def test_the_queue_is_told_with_its_oldest_and_what_failed_today(inside: Flask, make_user: Callable[..., int]) -> None:
    owner, at = make_user(), now().replace(hour=12)
    settings = inside.extensions["settings"]
    empty = glance.look(settings, 0, at)
    assert (empty.worker_seen, empty.oldest) == (None, None)
    add_job(owner, created_at=at - timedelta(minutes=30))
    assert glance.look(settings, 0, at).oldest == at - timedelta(minutes=30)
    add_job(owner, state="running", worker="w", turned_at=at - timedelta(minutes=1))
    add_job(owner, state="failed", worker="w", ended_at=at - timedelta(hours=1))
    add_job(owner, state="failed", worker="w", ended_at=at - timedelta(days=1))
    found = glance.look(settings, 0, at)
    assert (found.failed_today, found.worker_seen) == (1, at - timedelta(minutes=1))
    assert [(one.name, one.amount) for one in found.queue] == [("Running", 1), ("Waiting", 1)]


def test_the_disk_is_told_in_parts_that_fill_it(inside: Flask) -> None:
    settings = inside.extensions["settings"]
    settings.incoming.mkdir(parents=True)
    (settings.incoming / "x.part").write_bytes(b"1" * 1000)
    found = glance.look(settings, 4000, now())
    amounts = {one.name: one.amount for one in found.disk}
    assert (amounts["Images"], amounts["On their way in"]) == (4000, 1000)
    assert found.database_bytes > 0
    assert found.database_elsewhere == (not settings.database_url.startswith("sqlite"))
