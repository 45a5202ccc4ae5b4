"""One run: readers upload, jobs are asked for, and processes are killed at random moments."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flask import Flask

from benchmarks.kills.check import Found, Try, look
from benchmarks.kills.house import House, build
from portal.extensions import db
from portal.storage.tables.jobs import Job

WHICH = ("web child", "web child", "web", "worker child", "worker")
THREADS = 2
JOBS_EVERY = 3
PARTS = 8
SETTLE_SECONDS = 180.0
"""Without any job that ends."""


@dataclass(frozen=True)
class Outcome:
    """What one run came to."""

    database: str
    seed: int
    kills: dict[str, int]
    seconds: float
    uploads_sent: int
    acknowledged: int
    unanswered: int
    answered_otherwise: int
    examples: list[str]
    jobs: int
    found: Found

    def told(self) -> dict[str, Any]:
        return {**asdict(self), "problems": self.found.problems}


def run(folder: Path, database_url: str, kills: int, seed: int, minutes: float = 60) -> Outcome:
    """Kill so many processes below `folder`, then let everything settle and look."""
    dice, started = random.Random(seed), time.monotonic()  # noqa: S311  (no secret: it is to be repeatable)
    done: Counter[str] = Counter()
    interrupted: set[Try] = set()
    with build(folder, database_url, seed) as house:
        portal, load = house.portal, house.load
        portal.keep_up()
        portal.wait()
        load.start(THREADS)
        while done.total() < kills and time.monotonic() - started < minutes * 60:
            if which := _one(house, dice, done.total()):
                done[which] += 1
                interrupted |= _held(house.app) if which.startswith("worker") else set()
            portal.keep_up()
        portal.wait()
        load.stop()
        settle(house)
        portal.stop()
        found = look(house.app, load.kept, interrupted)
        with house.app.app_context():
            jobs = db.session.query(Job).count()
    refused = [f"{one.status} {one.said}" for one in load.refused]
    return Outcome("sqlite" if database_url.startswith("sqlite") else "mysql", seed, dict(done),
                   time.monotonic() - started, load.sent, len(load.kept), load.unanswered, len(refused),
                   sorted(set(refused))[:5], jobs, found)


def settle(house: House) -> None:
    """Wait for the jobs, as long as any of them ends now and then."""
    deadline, fewest = 0.0, None
    while waiting := house.open_jobs():
        house.portal.keep_up()
        if fewest is None or waiting < fewest:
            deadline, fewest = time.monotonic() + SETTLE_SECONDS, waiting
        if time.monotonic() > deadline:
            return
        time.sleep(0.3)


def _one(house: House, dice: random.Random, done: int) -> str:
    """One kill, at a moment when the portal answers uploads; "" where there was nothing to kill."""
    house.portal.wait()
    if done % JOBS_EVERY == 0:
        house.ask_for_jobs(PARTS)
    before, deadline = len(house.load.kept), time.monotonic() + 60
    while len(house.load.kept) == before and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(dice.uniform(0, 0.4))
    which = dice.choice(WHICH)
    return which if house.portal.kill(which) else ""


def _held(app: Flask) -> set[Try]:
    """The tries that a kill just ended: nobody takes their leases away so soon."""
    with app.app_context():
        return {(one.id, one.tries) for one in db.session.query(Job).filter(Job.state == "running")}
