"""A foreign slide becomes the one that is kept, in a process of its own; what becomes of that process is told here."""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from models.imaging.errors import Unreadable
from models.sandbox import slides
from models.sandbox.slides import NEEDS_MEMORY, Taken
from models.slides.limits import SlideLimits
from portal.services.jobs.program import ProgramEnded, run_module

log = logging.getLogger("portal.decoders")

MODULE = "models.sandbox.slides"
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "LANG", "TMPDIR", "MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD_",
             "MALLOC_MMAP_THRESHOLD_")
CRASHED = "This slide could not be read: it crashed the decoder. Please export it again."
TOO_LONG = "This slide could not be read: decoding it took too long. Please export it again."


def take_in(sent: Path, target: Path, limits: SlideLimits, patience: float,
            progress: Callable[[int, int], None]) -> Taken:
    """Write the slide that `sent` opens to `target`. `progress` is called twice a second and may raise to stop.

    Raises Unreadable, also where the decoder died, or finished no tile for `patience` seconds.
    """
    look = _Looking(target, patience, progress)
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    try:
        run_module(MODULE, [str(sent), str(target), json.dumps(asdict(limits))], target.with_suffix(".log"), look,
                   environment)
    except ProgramEnded as end:
        if end.status >= 0:
            raise
        log.warning("the decoder of a slide of %d bytes was lost, exit status %d", sent.stat().st_size, end.status)
        if end.status == -signal.SIGKILL:
            raise Unreadable("decoder-memory", NEEDS_MEMORY) from end
        raise Unreadable("decoder-crash", CRASHED) from end
    said = slides.told(target)
    if "unreadable" in said:
        code, message = said["unreadable"]
        raise Unreadable(code, str(message))
    return Taken(**said["slide"])


class _Looking:
    """Hands on how far it is, and ends what does not go on."""

    def __init__(self, target: Path, patience: float, progress: Callable[[int, int], None]) -> None:
        self._target, self._patience, self._progress = target, patience, progress
        self._last, self._moved = (0, 1), time.monotonic()

    def __call__(self) -> None:
        said = slides.told(self._target)
        now_at = (int(said.get("done", 0)), int(said.get("total", 1)))
        if now_at != self._last:
            self._last, self._moved = now_at, time.monotonic()
        elif time.monotonic() - self._moved > self._patience:
            log.warning("the decoder of a slide was ended: nothing came for %d s", self._patience)
            raise Unreadable("decoder-time", TOO_LONG)
        self._progress(*now_at)
