"""The verifying of every day: one of the workers looks at the whole audit trail, beside the jobs."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.extensions import db
from portal.services import audit_log
from portal.services.audit import Actor
from portal.services.audit_log import LastVerified
from portal.storage import audit_events, locks
from portal.storage.tables.columns import now

log = logging.getLogger("portal.audit")

WORKER = Actor(address="worker")
EVERY = timedelta(days=1)
LATE = timedelta(hours=36)
"""After so long without a verifying the administration's page says so in red."""
LOOK_SECONDS = 60.0
AGAIN_SECONDS = 3600.0
"""After a verifying that could not be brought to its end."""
REST = 1.0
"""Seconds of rest for each second of work, so that jobs of the same process go on meanwhile."""
LONGEST_REST = 1.0


@dataclass(frozen=True, kw_only=True)
class TrailState:
    """When the trail was last verified and what that found. `late`: it should have been again by now."""

    verified: LastVerified | None
    late: bool


class Stopped(Exception):
    """The worker is asked to end."""


def look_at_trail(at: datetime | None = None) -> TrailState:
    """For the administration's page. A trail that was never verified is late by the age of its first event."""
    verified = audit_log.last_verified()
    since = verified.at if verified else audit_events.first_moment()
    return TrailState(verified=verified, late=since is not None and (at or now()) - since > LATE)


def is_due() -> bool:
    """Whether nobody has verified the trail for a day, by whatever way."""
    verified = audit_log.last_verified()
    return verified is None or now() - verified.at >= EVERY


class Verifier:
    """One worker process's part: looks now and then whether it is time, and verifies in a thread beside the jobs."""

    def __init__(self, context: Callable[[], AbstractContextManager[object]], stopping: Callable[[], bool]) -> None:
        self._context, self._stopping = context, stopping
        self._thread: threading.Thread | None = None
        self._not_before = 0.0

    def look(self) -> None:
        """Begin where it is due. Cheap; within an application context, and leaves no transaction open.

        What fails here is logged and tried again later: the worker's jobs go on.
        """
        if time.monotonic() < self._not_before or (self._thread and self._thread.is_alive()):
            return
        self._not_before = time.monotonic() + LOOK_SECONDS
        try:
            due = is_due()
            db.session.rollback()
            if due:
                self._thread = threading.Thread(target=self.verify, name="verify", daemon=True)
                self._thread.start()
        except Exception:
            db.session.rollback()
            self._put_off()

    def verify(self) -> None:
        """Verify the trail where it is due and no other worker is at it; what it finds is in the log and the trail."""
        with self._context():
            try:
                with locks.tried(db.engine, "verifying") as ours:
                    if ours and is_due():
                        audit_log.verify(WORKER, pace=self._paced())
            except Stopped:
                log.info("the verifying of the audit trail was stopped; it begins anew later")
            except Exception:
                self._put_off()

    def _put_off(self) -> None:
        """Within an `except`."""
        self._not_before = time.monotonic() + AGAIN_SECONDS
        log.exception("error %s: the audit trail could not be verified; it is tried again in an hour",
                      secrets.token_hex(4))

    def _paced(self) -> Callable[[], None]:
        """What to call now and then in between. Raises Stopped where the worker ends."""
        since = time.monotonic()

        def rest() -> None:
            nonlocal since
            if self._stopping():
                raise Stopped
            time.sleep(min((time.monotonic() - since) * REST, LONGEST_REST))
            since = time.monotonic()

        return rest
