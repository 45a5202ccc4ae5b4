"""The decoders of this process: started when they are wanted, replaced when they die, never more than a few."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from models.imaging.container import Header
from models.imaging.decode import Picture
from models.imaging.errors import Code, Unreadable
from models.imaging.header import read_header
from models.imaging.limits import Limits
from models.sandbox.budget import Budget, budget_of
from models.sandbox.decoder import Decoder, Died

_LOG = logging.getLogger("portal.decoders")
MODULE = "models.sandbox.inside"
_ORDINARY, _SPARE_AFTER, _PATIENCE, _IDLE_SECONDS = 2, 0.5, 10.0, 60.0
_CODES: dict[str, Code] = {"time": "decoder-time", "memory": "decoder-memory", "crash": "decoder-crash"}
_WORDS = {
    "time": "decoding it took too long",
    "memory": "decoding it needed too much memory",
    "crash": "it crashed the decoder",
}
_NOT_READ = "This image could not be read: {why}. Please export it again as JPEG, PNG or TIFF."
_BUSY = "Other images are being decoded just now, and nothing was kept of this one. Send it again in a moment."


class Pool:
    """Any number of threads may ask at once.

    Two decoders do the ordinary work. One more is started when those have been busy for half a second, so that files
    that were made to keep a decoder busy do not keep the others waiting; who finds all three busy for ten seconds is
    told to come again, and no thread that serves pages waits for longer.
    """

    def __init__(self, module: str = MODULE, budget: Callable[[Header, int], Budget] = budget_of,
                 patience: float = _PATIENCE) -> None:
        self._module, self._budget, self._patience = module, budget, patience
        self._changed = threading.Condition()
        self._idle: list[tuple[float, Decoder]] = []
        self._busy: set[Decoder] = set()
        self._count, self._owner = 0, os.getpid()

    def decode(self, data: bytes, limits: Limits) -> Picture:
        """As `models.imaging.decode.decode`, in a process of its own; raises Unreadable and nothing else."""
        header = read_header(data, limits)
        try:
            with self._taken() as decoder:
                return decoder.decode(data, header, limits, self._budget(header, len(data)))
        except Died as death:
            _LOG.warning("a decoder was lost (%s, exit status %s) to a file of %d bytes: %s, %d × %d", death.code,
                         death.status, len(data), header.format, header.width, header.height)
            raise _refusal(death.code) from death

    def processes(self) -> list[int]:
        """Ids of the decoders that run."""
        with self._changed:
            return [one.process.pid for one in (*(idle for _, idle in self._idle), *self._busy) if one.is_alive]

    def close(self) -> None:
        """End every decoder; a picture that is being decoded is refused."""
        with self._changed:
            self._forget_the_parents()
            idle, self._idle = self._idle, []
            self._count -= len(idle)
            for decoder in self._busy:
                decoder.process.kill()
        for _, decoder in idle:
            decoder.end()

    @contextmanager
    def _taken(self) -> Iterator[Decoder]:
        """A decoder for one picture; one that died is not given back."""
        decoder = self._take()
        back = False
        try:
            with self._changed:
                self._busy.add(decoder)
            yield decoder
            back = True
        except Unreadable:
            back = True
            raise
        finally:
            self._give_back(decoder, back)

    def _take(self) -> Decoder:
        with self._changed:
            self._forget_the_parents()
            self._clear_away_the_dead()
            begun = time.monotonic()
            while not (self._idle or self._may_start(begun)):
                if time.monotonic() - begun > self._patience:
                    raise Unreadable("busy", _BUSY)
                self._changed.wait(_SPARE_AFTER / 5)
            if self._idle:
                return self._idle.pop()[1]
            self._count += 1
        try:
            return Decoder(self._module)
        except (OSError, Died) as error:
            with self._changed:
                self._count -= 1
                self._changed.notify()
            _LOG.error("no decoder could be started: %s", error)
            raise Unreadable("busy", _BUSY) from error

    def _may_start(self, begun: float) -> bool:
        spare = time.monotonic() - begun >= min(_SPARE_AFTER, self._patience)
        return self._count < _ORDINARY + spare

    def _give_back(self, decoder: Decoder, usable: bool) -> None:
        usable = usable and decoder.is_alive
        with self._changed:
            self._busy.discard(decoder)
            moment = time.monotonic()
            if usable:
                self._idle.append((moment, decoder))
            else:
                self._count -= 1
            # The last that was used is the next to be used: those that are hardly needed grow old.
            old = [one for one in self._idle[:-1] if moment - one[0] > _IDLE_SECONDS]
            self._idle = [one for one in self._idle if one not in old]
            self._count -= len(old)
            self._changed.notify()
        for one in [aged for _, aged in old] if usable else [decoder, *(aged for _, aged in old)]:
            with suppress(OSError):
                one.end()

    def _clear_away_the_dead(self) -> None:
        """Those that ended while they had nothing to do, as when memory was short."""
        for aged in [one for one in self._idle if not one[1].is_alive]:
            self._idle.remove(aged)
            self._count -= 1
            aged[1].end()

    def _forget_the_parents(self) -> None:
        """After a fork: their processes are not ours to use or to end."""
        if self._owner != os.getpid():
            self._idle, self._busy, self._count, self._owner = [], set(), 0, os.getpid()


def _refusal(code: str) -> Unreadable:
    return Unreadable(_CODES[code], _NOT_READ.format(why=_WORDS[code]))


POOL = Pool()
"""Of this process; nothing runs before the first picture."""
atexit.register(POOL.close)


def decode(data: bytes, limits: Limits) -> Picture:
    """The picture in `data`, decoded apart by this process's pool; raises Unreadable and nothing else for bad data."""
    return POOL.decode(data, limits)
