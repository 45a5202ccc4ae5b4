"""Kept slides that stay open: a viewer asks for a hundred tiles a minute of the same one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from models.slides.kept import KeptSlide
from portal.storage.files import Files

MOST_OPEN = 16


@dataclass
class _Held:
    slide: KeptSlide
    users: int = 0


class OpenSlides:
    """The slides used last, open, in this process; any number of threads may use them at once."""

    def __init__(self, store: Files, most: int = MOST_OPEN) -> None:
        self._store, self._most = store, most
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._lock = Lock()

    @contextmanager
    def use(self, stored_as: str) -> Iterator[KeptSlide]:
        """The slide, not closed before the block ends. Raises OSError, or Unreadable when it is damaged."""
        held = self._take(stored_as)
        try:
            yield held.slide
        finally:
            with self._lock:
                held.users -= 1
                self._close_oldest()

    def close(self) -> None:
        """All that nobody uses."""
        with self._lock:
            self._close_oldest(keep=0)

    def _take(self, stored_as: str) -> _Held:
        with self._lock:
            if stored_as in self._held:
                return self._used(stored_as)
        # Not under the lock: a distant store may take long to bring the file here.
        opened = KeptSlide(self._store.local(stored_as))
        with self._lock:
            if stored_as in self._held:
                opened.close()
            else:
                self._held[stored_as] = _Held(opened)
            return self._used(stored_as)

    def _used(self, stored_as: str) -> _Held:
        self._held.move_to_end(stored_as)
        self._held[stored_as].users += 1
        return self._held[stored_as]

    def _close_oldest(self, keep: int | None = None) -> None:
        keep = self._most if keep is None else keep
        idle = [name for name, held in self._held.items() if not held.users]
        for name in idle[:max(0, len(self._held) - keep)]:
            self._held.pop(name).slide.close()
