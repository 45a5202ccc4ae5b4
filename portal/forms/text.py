"""Filters for what people type."""

from __future__ import annotations


def strip(text: str | None) -> str:
    """Without the blanks at both ends; nothing typed is an empty text."""
    return (text or "").strip()
