"""How far a job is and how long it will take: rules without a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

LEAST_SECONDS, LEAST_SHARE = 3.0, 0.02
"""Before so much work is done, an estimate would be a guess."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """`share` from 0 to 1, None when it is not known; `seconds_left` of work, None when it cannot be told yet."""

    share: float | None
    seconds_left: float | None

    @property
    def percent(self) -> int | None:
        """Rounded down: 100 only when all is done."""
        return None if self.share is None else int(self.share * 100)

    @property
    def words(self) -> str:
        """The time left in words a reader believes: no seconds behind minutes."""
        if self.seconds_left is None:
            return ""
        if self.seconds_left < 60:
            return f"about {max(5, 5 * round(self.seconds_left / 5))} seconds of work left"
        minutes = round(self.seconds_left / 60)
        if minutes < 100:
            return f"about {minutes} minute{'s' * (minutes != 1)} of work left"
        return f"about {round(minutes / 60)} hours of work left"


def estimate(done: int, total: int, worked_seconds: float) -> Progress:
    """From the parts that are done and the time that they took; waiting for a turn is not in it."""
    if total <= 0:
        return Progress(share=None, seconds_left=None)
    share = min(max(done / total, 0.0), 1.0)
    if share < LEAST_SHARE or worked_seconds < LEAST_SECONDS:
        return Progress(share=share, seconds_left=None)
    return Progress(share=share, seconds_left=worked_seconds * (1 - share) / share)


def turns_before(own: int, others: Iterable[int]) -> int:
    """How many jobs have their turn first, when `own` earlier ones are the same owner's and owners take turns.

    `others`: how many each other owner has. One of them with 500 jobs is before a single job once.
    """
    return own + sum(min(number, own + 1) for number in others)
