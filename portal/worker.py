"""The worker (`python -m celery --app portal.worker worker`) takes the next job in turn when it is told to look."""

from __future__ import annotations

import faulthandler
import mmap
import os
import platform
import time
from typing import Any

from celery import bootsteps
from celery.signals import setup_logging, worker_process_init, worker_shutting_down
from flask import Flask

from config import Settings, written_settings
from models.imaging.limits import Limits
from portal import logs
from portal.app import create_app
from portal.extensions import db
from portal.services import deletions, housekeeping
from portal.services.backup.daily import Keeper
from portal.services.chain.daily import Verifier
from portal.services.chain.keeper import seal_pending
from portal.services.jobs import registry, run
from portal.services.jobs.carrier import TASK, Carrier
from portal.services.slides.watch import Watcher
from portal.services.uploads import Desk
from portal.storage import heartbeats
from portal.storage.files import Files
from portal.storage.incoming import Incoming
from portal.storage.tables.columns import now

AT_ONCE_SECONDS = 10.0
STDERR = 2
TIDY_SECONDS = 3600.0
SEAL_SECONDS = 30.0
"""How often the audit trail is sealed: so long an event is protected by its own signature only."""
BEAT_SECONDS = 30.0
LOOK_SECONDS = 5.0
"""How often a worker looks by itself: for jobs whose message or whose worker was lost."""

_portal: Flask = create_app()
settings: Settings = _portal.extensions["settings"]
carrier: Carrier = _portal.extensions["carrier"]
celery = carrier.celery
watcher = Watcher(settings, carrier)
keeper = Keeper(settings, _portal.extensions["files"], _portal.app_context, written_settings, lambda: is_stopping())
verifier = Verifier(_portal.app_context, lambda: is_stopping())
_tidied = -TIDY_SECONDS
_sealed = -SEAL_SECONDS
_beaten = -BEAT_SECONDS
_asked_to_stop = mmap.mmap(-1, 1)
"""Shared with the processes that are forked from this one; without a lock, for a killed process would keep it."""


class Look(bootsteps.StartStopStep):
    """Sends itself a message now and then; one that finds the worker busy is out of date when it is done.

    It lasts for two looks: one that a quick worker finds a little late must still count.
    """

    requires = ("celery.worker.components:Timer",)

    def start(self, worker: Any) -> None:
        self._timer = worker.timer.call_repeatedly(LOOK_SECONDS, carrier.wake, (2 * LOOK_SECONDS,))

    def stop(self, _worker: Any) -> None:
        self._timer.cancel()


celery.steps["worker"].add(Look)


@setup_logging.connect
def _log_as_the_pages_do(**_kwargs: object) -> None:
    """Celery sets up nothing of its own where somebody answers this."""
    logs.configure(settings)


@worker_shutting_down.connect
def _say_stop(**_kwargs: object) -> None:
    """A turn that is under way ends at its next part and goes on elsewhere."""
    _asked_to_stop[0] = 1


@worker_process_init.connect
def _own_connections(**_kwargs: object) -> None:
    """A connection to the database must not be shared with the process that this one was forked from."""
    with _portal.app_context():
        db.engine.dispose(close=False)


@celery.task(name=TASK, ignore_result=True)
def work() -> None:
    """Turns of jobs, as long as there are any; after a while another message goes its way through the broker."""
    parts = _portal.extensions
    desk = Desk(engine=parts["engine"], store=parts["files"], writer=parts["writer"],
                limits=Limits(max_bytes=settings.max_image_bytes, max_pixels=settings.max_image_pixels))
    end, ready = time.monotonic() + AT_ONCE_SECONDS, True
    while ready and not is_stopping() and time.monotonic() < end:
        with _portal.app_context():
            _beat_now_and_then()
            _tidy_now_and_then(desk.store)
            _seal_now_and_then()
            housekeeping.clear_ended(settings)
            watcher.look()
            keeper.look()
            verifier.look()
            ready = run.run_next(registry.KINDS, desk, settings, carrier, _name(), watch, is_stopping)
    if ready:
        carrier.wake()


def is_stopping() -> bool:
    return bool(_asked_to_stop[0])


def _beat_now_and_then() -> None:
    """Say that this machine's worker is there; while it works on a job, the job's lease says so."""
    global _beaten
    if time.monotonic() - _beaten > BEAT_SECONDS:
        _beaten = time.monotonic()
        heartbeats.beat(f"worker@{platform.node()[:80]}", now())


def _tidy_now_and_then(store: Files) -> None:
    global _tidied
    if time.monotonic() - _tidied > TIDY_SECONDS:
        _tidied = time.monotonic()
        housekeeping.forget_copies(store)
        housekeeping.remove_old_products(store, now())
        housekeeping.clear_workshops(settings)
        deletions.finish(deletions.Shelf(store=store, incoming=Incoming(settings.incoming)))


def _seal_now_and_then() -> None:
    global _sealed
    if time.monotonic() - _sealed > SEAL_SECONDS:
        _sealed = time.monotonic()
        seal_pending()


def watch(seconds: float) -> None:
    """Give this process up when it shows no sign of life for so long, even inside a decoder that hangs; 0 ends it."""
    if seconds:
        faulthandler.dump_traceback_later(seconds, exit=True, file=STDERR)
    else:
        faulthandler.cancel_dump_traceback_later()


def _name() -> str:
    return f"{platform.node()[:80]}:{os.getpid()}:{int(time.time())}"
