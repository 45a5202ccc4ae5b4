"""Changes that say how many rows they met."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import CursorResult, Delete, Update

from portal.extensions import db


def changed_rows(query: Update | Delete) -> int:
    """Run it within the caller's transaction; how many rows it met."""
    return cast("CursorResult[Any]", db.session.execute(query)).rowcount
