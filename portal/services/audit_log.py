"""Reads what was done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.services.blind import HIDDEN
from portal.storage import access, audit_events
from portal.storage.pages import Page
from portal.storage.tables import AuditEvent, User

PAGE_SIZE = 50
TELLING_NOTHING = ("case", "model", "version")
"""Details that stay readable of a prediction which the administrator is still to read blind."""


@dataclass(frozen=True, kw_only=True)
class EventLine:
    """One event as this administrator may see it."""

    at: datetime
    actor: User | None
    action: str
    subject: str
    address: str
    details: dict[str, Any]


def list_events(text: str, number: int, reader_id: int) -> Page[EventLine]:
    """A page of the events whose action, subject or actor's address contains the text, newest first.

    An administrator may read cases blind: then the audit does not tell them what a model or a colleague said.
    """
    page = audit_events.list_events(text, number, PAGE_SIZE)
    veiled = _veiled_subjects(page.items, reader_id)
    lines = tuple(EventLine(at=one.at, actor=one.actor, action=one.action, subject=one.subject, address=one.address,
                            details=_veil(one.details) if one.subject in veiled else one.details)
                  for one in page.items)
    return Page(items=lines, number=page.number, size=page.size, total=page.total)


def _veiled_subjects(events: tuple[AuditEvent, ...], reader_id: int) -> set[str]:
    found = access.list_veiled(reader_id, _ids(events, "prediction"), _ids(events, "image"))
    return {subject for prediction, image in found for subject in (f"prediction:{prediction}", f"image:{image}")}


def _ids(events: tuple[AuditEvent, ...], kind: str) -> list[int]:
    """The ids of all subjects of one kind."""
    parts = [one.subject.partition(":") for one in events]
    return [int(number) for name, _, number in parts if name == kind and number.isdecimal()]


def _veil(details: dict[str, Any]) -> dict[str, Any]:
    return {name: value if name in TELLING_NOTHING else HIDDEN for name, value in details.items()}
