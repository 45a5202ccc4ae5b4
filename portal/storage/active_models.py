"""Queries for the chosen member of each family of models, and its version."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from portal.extensions import db
from portal.storage import choices
from portal.storage.tables.administration import ActiveModel
from portal.storage.tables.columns import now


@dataclass(frozen=True, kw_only=True)
class Active:
    """A chosen model; without a version, as published."""

    key: str
    version: str = ""


def list_active_models() -> dict[str, Active]:
    """What was chosen, by family; a family without a choice is not there."""
    return {one.family: Active(key=one.key, version=one.version) for one in db.session.scalars(select(ActiveModel))}


def choose(family: str, chosen: Active, chosen_by: int | None) -> Active:
    """Makes this the chosen one of its family; gives the one before, and keeps it where it is another. The caller
    commits.
    """
    held = db.session.get(ActiveModel, family, with_for_update=True)
    before = Active(key=held.key, version=held.version) if held else Active(key=family)
    if held is None:
        db.session.add(ActiveModel(family=family, key=chosen.key, version=chosen.version, chosen_by=chosen_by))
    else:
        held.key, held.version, held.chosen_by, held.chosen_at = chosen.key, chosen.version, chosen_by, now()
    if before != chosen:
        choices.keep_choice(_before(family), f"{before.key}@{before.version}", chosen_by)
    return before


def find_before(family: str) -> Active | None:
    """What was chosen before the present choice; None where there has been no other."""
    key, _, version = choices.find_choice(_before(family), "").partition("@")
    return Active(key=key, version=version) if key else None


def _before(family: str) -> str:
    return f"model-before:{family}"[:48]
