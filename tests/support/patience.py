"""Waiting for what another process does: it is looked at again and again, and nobody sleeps for a guess."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

# Seconds. A busy machine needs them, and only a test that fails waits them out.
PATIENCE = 120.0
_PAUSE = 0.05


def until(holds: Callable[[], object], why: str | Callable[[], str] = "", seconds: float = PATIENCE) -> None:
    """Fails after so many `seconds`, and says `why`: asked only then, so that a log tells how it ended."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s: {why() if callable(why) else why}"
        Event().wait(_PAUSE)
