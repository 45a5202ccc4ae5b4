"""The portal's job queue as a discrete-event simulation: fair turns among owners, time slices, n workers.

The rule is that of `portal/storage/jobs.py` (`next_in_turn`): the owner with the fewest running jobs, then the one
whose last turn is oldest, then the oldest job; within an owner first come, first served. A turn ends after a slice.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from math import inf

SLICE_SECONDS = 20.0


@dataclass(slots=True, kw_only=True)
class Task:
    """One job. Times are seconds from the beginning; `seconds` is what it takes one worker that does nothing else."""

    kind: str
    owner: str
    arrived: float
    seconds: float
    gives_way: bool = True
    started: float = inf
    ended: float = inf

    @property
    def waited(self) -> float:
        """Seconds in which it was there and nobody worked on it, before its first turn and between turns."""
        return max(0.0, self.ended - self.arrived - self.seconds)


@dataclass(slots=True)
class _Owner:
    running: int = 0
    turned: float = -1.0
    waiting: list[tuple[int, Task, float]] = field(default_factory=list)

    def place(self) -> tuple[int, float, int]:
        """Owners with the smallest come first."""
        return self.running, self.turned, self.waiting[0][0]


class _Line:
    """Owners with their waiting jobs. Of an owner's places in the heap only the one that still holds counts."""

    def __init__(self, names: Iterable[str]) -> None:
        self._owners = {name: _Owner() for name in names}
        self._places: list[tuple[tuple[int, float, int], str]] = []
        self.length = 0

    def join(self, number: int, task: Task, left: float) -> None:
        heapq.heappush(self._owners[task.owner].waiting, (number, task, left))
        self.length += 1
        self._announce(task.owner)

    def leave(self, at: float) -> tuple[int, Task, float]:
        """The job whose turn it is; it runs from now on."""
        while True:
            place, name = heapq.heappop(self._places)
            owner = self._owners[name]
            if owner.waiting and owner.place() == place:
                break
        taken = heapq.heappop(owner.waiting)
        owner.running += 1
        owner.turned = at
        self.length -= 1
        self._announce(name)
        return taken

    def rest(self, name: str) -> None:
        """A turn of this owner is over."""
        self._owners[name].running -= 1
        self._announce(name)

    def _announce(self, name: str) -> None:
        if self._owners[name].waiting:
            heapq.heappush(self._places, (self._owners[name].place(), name))


def simulate(tasks: Sequence[Task], workers: int, slice_seconds: float = SLICE_SECONDS) -> float:
    """Fill in when each task started and ended. Returns the busy seconds of all workers together."""
    coming = sorted(tasks, key=lambda task: task.arrived)
    line = _Line({task.owner for task in coming})
    turns: list[tuple[float, int, int, Task, float]] = []
    order, free, busy, next_one = count(), workers, 0.0, 0
    while next_one < len(coming) or turns:
        if next_one < len(coming) and (not turns or coming[next_one].arrived <= turns[0][0]):
            task, at = coming[next_one], coming[next_one].arrived
            line.join(next_one, task, task.seconds)
            next_one += 1
        else:
            at, _, number, task, left = heapq.heappop(turns)
            free += 1
            line.rest(task.owner)
            if left > 0:
                line.join(number, task, left)
            else:
                task.ended = at
        while free and line.length:
            number, task, left = line.leave(at)
            turn = min(left, slice_seconds) if task.gives_way else left
            task.started = min(task.started, at)
            busy += turn
            free -= 1
            heapq.heappush(turns, (at + turn, next(order), number, task, left - turn))
    return busy
