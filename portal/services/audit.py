"""Writes who did what into the session that does it, so that both are kept or neither."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from portal.extensions import db
from portal.services.chain import keeper, rows
from portal.services.chain.rows import Row
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.columns import now


@dataclass(frozen=True, kw_only=True)
class Token:
    """The personal token with which a program acts: never its secret."""

    id: int
    name: str


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who acts, and from where; `user_id` is None for somebody not logged in or the command line.

    `token` where a program acts in somebody's name.
    """

    user_id: int | None = None
    address: str = ""
    token: Token | None = None


def record(actor: Actor, action: str, subject: str = "", **details: Any) -> None:
    """Add one signed audit event to the running transaction; the caller commits.

    Raises ValueError or TypeError for details that are not JSON.
    """
    db.session.add(AuditEvent(**_values(actor, action, subject, details)))


def record_alone(actor: Actor, action: str, subject: str = "", **details: Any) -> None:
    """Keep one signed audit event at once. Ends the running transaction first: what it has not committed is undone."""
    db.session.rollback()
    record(actor, action, subject, **details)
    db.session.commit()


def _values(actor: Actor, action: str, subject: str, details: dict[str, Any]) -> dict[str, Any]:
    """The columns of an event, its id aside."""
    if actor.token:
        details.update(token=actor.token.id, token_name=actor.token.name)
    row = Row(id=0, at=now(), actor_id=actor.user_id, address=actor.address, action=action, subject=subject,
              details=rows.plain(details), mac=None)
    signed = replace(row, mac=rows.sign(row, keeper.keys().current))
    return {name: value for name, value in vars(signed).items() if name != "id"}
