"""Pages that ask for a part of themselves again while jobs are open."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import url_for

from portal.services.jobs.queue import JobLine

WATCHED = "watched"
"""In the query of an address that a page asks for by itself: nobody may be sitting there, so no login lasts longer."""


def watch_address(lines: Iterable[JobLine], endpoint: str, **values: Any) -> str:
    """The address at which a page with these jobs asks again by itself; none when nothing is open any more."""
    asked: dict[str, Any] = {**values, WATCHED: 1}
    return url_for(endpoint, **asked) if any(line.is_open for line in lines) else ""
