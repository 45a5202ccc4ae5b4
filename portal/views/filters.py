"""How pages write times, shares and sizes, and what every page knows."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Flask

from portal.services.shares import percent
from portal.services.system import VERSION
from portal.views.navigation import administration, sections


def moment(value: datetime) -> str:
    """A UTC time as "20 Nov 2026, 21:05 UTC"; one without a zone is taken as UTC."""
    at = value.astimezone(UTC) if value.tzinfo else value
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def size(count: int) -> str:
    """Bytes in the unit a file manager would show: "1.2 MB"."""
    amount = float(count)
    for unit in ("bytes", "KB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def colour(parts: tuple[int, int, int]) -> str:
    """Red, green, blue as "#ff9f00"."""
    return "#" + "".join(f"{part:02x}" for part in parts)


def init_app(app: Flask) -> None:
    app.add_template_filter(moment, "moment")
    app.add_template_filter(percent, "percent")
    app.add_template_filter(size, "bytes")
    app.add_template_filter(colour, "colour")
    app.context_processor(lambda: {"nav": sections(), "administration": administration(), "version": VERSION})
