"""While the database is known not to answer, a request is told so at once and does not wait for it once more.

Without this, four readers who wait for a silent database hold every thread, and pages that need none hang too.
"""

from __future__ import annotations

import threading
from typing import cast

from flask import Flask, current_app, request

from portal.services import readiness
from portal.services.errors import DatabaseAway
from portal.views import wiring

WITHOUT_DATABASE = ("static", "bootstrap.static", "health.healthz", "health.readyz", "health.metrics")


def init_app(app: Flask) -> None:
    """To be wired before anything that asks who is there."""
    app.extensions["away"] = threading.Event()
    app.before_request(refuse_at_once)


def note() -> None:
    """A request was failed by the database: the next ones ask first, one for all, whether it is there again."""
    _known().set()


def refuse_at_once() -> None:
    """Raises DatabaseAway."""
    if not _known().is_set() or request.endpoint in WITHOUT_DATABASE:
        return
    if not readiness.database_answers(wiring.probe()):
        raise DatabaseAway
    _known().clear()


def _known() -> threading.Event:
    return cast(threading.Event, current_app.extensions["away"])
