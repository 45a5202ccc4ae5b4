"""Queries for the chosen member of each family of models."""

from __future__ import annotations

from sqlalchemy import select

from portal.extensions import db
from portal.storage.tables import ActiveModel


def list_active_models() -> dict[str, str]:
    """The chosen key by family; a family without a choice is not there."""
    return {one.family: one.key for one in db.session.scalars(select(ActiveModel))}
