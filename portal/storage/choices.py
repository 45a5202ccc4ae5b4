"""Queries for what the administrator chose for the whole portal."""

from __future__ import annotations

from portal.extensions import db
from portal.storage.tables.administration import Choice


def find_choice(name: str, default: str) -> str:
    held = db.session.get(Choice, name)
    return held.value if held else default


def keep_choice(name: str, value: str, changed_by: int | None) -> str | None:
    """What stood there before. The caller commits."""
    held = db.session.get(Choice, name, with_for_update=True)
    if held is None:
        db.session.add(Choice(name=name, value=value, changed_by=changed_by))
        return None
    before, held.value, held.changed_by = held.value, value, changed_by
    return before
