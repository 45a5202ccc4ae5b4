"""Cases that are older than the clinic wants to keep them. They are listed, and nothing more: two people delete."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.services import site
from portal.storage import deletions
from portal.storage.pages import Page
from portal.storage.tables.cases import Case

PAGE_SIZE = 50
MONTH = timedelta(days=30.4375)
NONE: Page[Case] = Page(items=(), number=1, size=PAGE_SIZE, total=0)


@dataclass(frozen=True, kw_only=True)
class Due:
    """The period in months (None where none was chosen), the moment it reaches back to, and a page of older cases."""

    months: int | None
    before: datetime | None
    page: Page[Case]


def list_due(at: datetime, number: int) -> Due:
    """Cases in which nothing happened within the period and whose deletion nobody has proposed yet."""
    months = site.load().retention_months
    if months is None:
        return Due(months=None, before=None, page=NONE)
    before = at - months * MONTH
    return Due(months=months, before=before, page=deletions.list_older(before, number, PAGE_SIZE))
