"""Reads what was done."""

from __future__ import annotations

from portal.storage import audit_events
from portal.storage.pages import Page
from portal.storage.tables import AuditEvent

PAGE_SIZE = 50


def list_events(text: str, number: int) -> Page[AuditEvent]:
    """A page of the events whose action, subject or actor's address contains the text, newest first."""
    return audit_events.list_events(text, number, PAGE_SIZE)
