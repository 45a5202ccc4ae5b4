"""How much one account, and all together, may send and take away within an hour; counted in the database before it
is done, so that many at once cannot slip through, on whatever machine.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import datetime

from config import Settings
from portal.services.errors import AllowanceSpent
from portal.storage import hourly_counts

SECONDS = 3600
REFUSED = "limit.refuse"
"""The audit event of somebody who asked for more."""
EVERYBODY = 0
"""Instead of an account's number."""
TIMES = 10
"""All together may do so many times as much as one."""
AT_ONCE = ("You sent {amount:,} files at once, and your account may send {most:,} within an hour. Nothing of what was "
           "sent just now was kept.")
"""However long one waits. Nothing but files comes several at once."""


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """What is counted, under which name, how much of it an account may do within an hour (0: as much as it likes),
    and how a person is told that it is spent.
    """

    name: str
    most: int
    words: str


def of_uploads(settings: Settings) -> Allowance:
    return Allowance(name="uploads", most=settings.uploads_an_hour,
                     words="{whose} may send {most:,} files within an hour, and this would be more. Nothing of what "
                           "was sent just now was kept.")


def of_exports(settings: Settings) -> Allowance:
    return Allowance(name="exports", most=settings.exports_an_hour,
                     words="{whose} may take away {most:,} exports within an hour, and this would be more.")


def take(allowance: Allowance, user_id: int, amount: int, at: datetime) -> None:
    """Count so much for the account and for all together, and commit. Raises AllowanceSpent, and counts nothing then.

    Hours begin on the hour (UTC).
    """
    if not allowance.most:
        return
    if amount > allowance.most:
        raise AllowanceSpent(allowance.name, 0, AT_ONCE.format(amount=amount, most=allowance.most))
    hour, seconds = divmod(calendar.timegm(at.timetuple()), SECONDS)
    most = {user_id: allowance.most, EVERYBODY: allowance.most * TIMES}
    full = hourly_counts.add_within(allowance.name, hour, amount, most)
    if full is None:
        return
    whose = "Your account" if full else "All accounts together"
    raise AllowanceSpent(allowance.name, SECONDS - seconds, allowance.words.format(whose=whose, most=most[full]))
