"""Writes who did what into the session that does it, so that both are kept or neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portal.extensions import db
from portal.storage.tables import AuditEvent


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who acts, and from where; `user_id` is None for somebody not logged in or the command line."""

    user_id: int | None = None
    address: str = ""


def record(actor: Actor, action: str, subject: str = "", **details: Any) -> None:
    """Add one audit event to the running transaction; the caller commits."""
    db.session.add(AuditEvent(actor_id=actor.user_id, address=actor.address, action=action,
                              subject=subject, details=details))
