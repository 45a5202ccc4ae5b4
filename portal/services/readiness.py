"""Whether the portal can do its work, part by part, and what to do where it cannot."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine as Database
from sqlalchemy.exc import SQLAlchemyError

from config import Settings
from models.engine import Engine
from portal.extensions import db
from portal.services.jobs.run import LEASE
from portal.storage import heartbeats, revisions
from portal.storage.tables.columns import AHEAD, now

log = logging.getLogger("portal.readiness")

PATIENCE = 2.0
"""Seconds after which a database that says nothing is called away."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part: `state` in two or three words, `advice` what an administrator does about it."""

    name: str
    well: bool
    state: str
    advice: str = ""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the database told; `revision` is empty where it has no tables."""

    revision: str = ""
    worker_seen: datetime | None = None
    oldest_ready: datetime | None = None


class Probe:
    """Asks the database from a thread of its own, so that one that hangs costs a deadline and no thread of the pages.

    While an answer is awaited nobody asks again: asked each second, a hanging database holds one connection.
    """

    def __init__(self, ask: Callable[[Database], Facts], patience: float = PATIENCE) -> None:
        self._ask, self._patience = ask, patience
        self._turn = threading.Lock()
        self._asked: threading.Thread | None = None
        self._found: Facts | None = None

    def facts(self, database: Database) -> Facts | None:
        """What it told, or None when it did not answer in time."""
        end = time.monotonic() + self._patience
        if not self._turn.acquire(timeout=self._patience):
            return None
        try:
            if self._asked is None or not self._asked.is_alive():
                self._found = None
                self._asked = threading.Thread(target=self._keep, args=(database,), name="probe", daemon=True)
                self._asked.start()
            self._asked.join(max(0.0, end - time.monotonic()))
            return None if self._asked.is_alive() else self._found
        finally:
            self._turn.release()

    def _keep(self, database: Database) -> None:
        try:
            self._found = self._ask(database)
        except Exception:
            # Whatever it was: what nobody catches in a thread is printed with all its words.
            log.exception("the database does not answer")


def read_facts(database: Database) -> Facts:
    """Raises SQLAlchemyError when the database is away."""
    with database.connect() as connection:
        try:
            revision = revisions.applied_revision(connection)
        except SQLAlchemyError:
            if connection.invalidated:
                raise
            return Facts()
        if revision != revisions.newest_revision():
            return Facts(revision=revision)
        at = now()
        return Facts(revision=revision, worker_seen=heartbeats.last_beat(connection, LEASE, at),
                     oldest_ready=heartbeats.oldest_ready(connection, at))


def database_answers(probe: Probe) -> bool:
    """Whether it does so within PATIENCE; however many ask at once, it is asked once."""
    return probe.facts(db.engine) is not None


def check(probe: Probe, engine: Engine, settings: Settings) -> tuple[Part, ...]:
    """Every part. Needs an application context for the database's address."""
    return judge(probe.facts(db.engine), engine, settings)


def judge(facts: Facts | None, engine: Engine, settings: Settings) -> tuple[Part, ...]:
    """Every part, by what the database has said."""
    parts = (judge_models(engine), judge_database(facts, revisions.newest_revision()),
             judge_disk(free_bytes(settings.instance), settings.min_free_bytes),
             judge_worker(facts, now(), settings.worker_quiet))
    for part in parts:
        if not part.well:
            log.warning("not ready: %s: %s", part.name, part.state)
    return parts


def free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def judge_models(engine: Engine) -> Part:
    damaged = sorted(f"{state.key} {state.version}" for state in engine.verify(quick=True)
                     if not (state.ok or state.absent))
    if damaged:
        return Part(name="models", well=False, state=f"damaged: {', '.join(damaged)}",
                    advice="Copy the published files of these models into the folder of weights again, or unpack the "
                           "version that is installed once more. Other models go on.")
    return Part(name="models", well=True, state="whole")


def judge_database(facts: Facts | None, newest: str) -> Part:
    if facts is None:
        return Part(name="database", well=False, state="does not answer",
                    advice="Start the database, or look at the network between it and this machine. "
                           "The portal goes on by itself.")
    if facts.revision != newest:
        return Part(name="database", well=False, state=f"at migration {facts.revision or 'none'}, expected {newest}",
                    advice="Start the portal again: it brings the database to its version. Where the database is the "
                           "newer one, install that version of the portal.")
    return Part(name="database", well=True, state=f"answers, at migration {newest}")


def judge_disk(free: int, reserve: int) -> Part:
    if free < reserve:
        return Part(name="disk", well=False, state="less free than the reserve",
                    advice="Make room: old exports, logs and backups first. Nothing of the portal's own folder may be "
                           "deleted by hand.")
    return Part(name="disk", well=True, state="enough free")


def judge_worker(facts: Facts | None, at: datetime, quiet: timedelta) -> Part:
    """Well while nothing has waited long, whoever is there: a portal without jobs needs no worker.

    A job of a moment that is still to come was asked for before the clock was set back, and may have waited long.
    """
    if facts is None:
        return Part(name="worker", well=False, state="not known: the database does not answer")
    waits_long = facts.oldest_ready is not None and not -AHEAD <= at - facts.oldest_ready <= quiet
    unseen_long = facts.worker_seen is None or at - facts.worker_seen > quiet
    if waits_long and unseen_long:
        seen = "never seen" if facts.worker_seen is None else f"last seen {facts.worker_seen:%Y-%m-%d %H:%M} UTC"
        return Part(name="worker", well=False, state=f"{seen}, and jobs wait",
                    advice="Start a worker with ./run.sh worker, or start the portal again. The jobs go on then.")
    if facts.worker_seen is None:
        return Part(name="worker", well=True, state="never seen, and nothing waits long")
    return Part(name="worker", well=True, state="is there" if not unseen_long else "quiet, and nothing waits long")
