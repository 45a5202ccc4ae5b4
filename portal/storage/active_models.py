"""Queries for the chosen member of each family of models."""

from __future__ import annotations

from sqlalchemy import select

from portal.extensions import db
from portal.storage.tables import ActiveModel, now


def list_active_models() -> dict[str, str]:
    """The chosen key by family; a family without a choice is not there."""
    return {one.family: one.key for one in db.session.scalars(select(ActiveModel))}


def choose(family: str, key: str, chosen_by: int | None) -> str | None:
    """Makes `key` the chosen member of its family; gives the one chosen before. The caller commits."""
    held = db.session.get(ActiveModel, family, with_for_update=True)
    if held is None:
        db.session.add(ActiveModel(family=family, key=key, chosen_by=chosen_by))
        return None
    before, held.key, held.chosen_by, held.chosen_at = held.key, key, chosen_by, now()
    return before
