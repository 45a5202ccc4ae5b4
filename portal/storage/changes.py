"""Changes that say how many rows they met."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import CursorResult, Delete, Update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError

from portal.extensions import db

VANISHED = (ObjectDeletedError, StaleDataError)
"""A row that was read a moment ago is not there any more."""
NO_SUCH_PARENT = 1452
"""MariaDB's number for a row that refers to one that is not there."""


def changed_rows(query: Update | Delete) -> int:
    """Run it within the caller's transaction; how many rows it met."""
    return cast("CursorResult[Any]", db.session.execute(query)).rowcount


def is_orphan(problem: IntegrityError) -> bool:
    """Whether a row was refused because what it refers to is gone."""
    told = getattr(problem.orig, "args", ("",))
    return NO_SUCH_PARENT in told or "FOREIGN KEY" in str(told[0])
