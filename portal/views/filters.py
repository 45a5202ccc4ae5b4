"""How pages write times, shares and sizes, and which sections the reader may go to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Flask, request
from flask_login import current_user

from portal.services.system import VERSION


@dataclass(frozen=True, kw_only=True)
class Section:
    """One link of the main navigation."""

    title: str
    endpoint: str
    current: bool


PUBLIC = (("Models", "models.model_list"),)
READING = (("Worklist", "home.index"), ("History", "cases.case_list"), ("New case", "cases.case_create_form"),
           ("Agreement", "agreement.agreement_view"))
ADMINISTRATION = (("Accounts", "admin.user_list"), ("Audit", "admin.audit_list"),
                  ("Model states", "admin.model_states"), ("System", "admin.system"))
UNDER = {
    "cases.case_create": "cases.case_create_form",
    "cases.case_view": "cases.case_list",
    "images.image_upload": "cases.case_list",
    "images.image_upload_form": "cases.case_list",
    "reports.sign_form": "cases.case_list",
    "reports.sign": "cases.case_list",
    "training_sets.training_set_list": "cases.case_list",
    "predictions.prediction_view": "home.index",
    "predictions.review_form": "home.index",
    "predictions.review_create": "home.index",
    "models.model_view": "models.model_list",
    "admin.user_reset": "admin.user_list",
    "choices.choice_form": "admin.system",
    "choices.choice_save": "admin.system",
    "sharing.reader_add": "cases.case_list",
    "sharing.blind_end_form": "cases.case_list",
}
"""Pages without a link of their own, and the section they belong to."""


def moment(value: datetime) -> str:
    """A UTC time as "20 Nov 2026, 21:05 UTC"; one without a zone is taken as UTC."""
    at = value.astimezone(UTC) if value.tzinfo else value
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def percent(share: float) -> str:
    """0.934 as "93.4 %"; what is not certain is never rounded to 0 or 100."""
    if 0 < share < 0.001:
        return "< 0.1 %"
    if 0.999 < share < 1:
        return "> 99.9 %"
    return f"{share * 100:.1f} %"


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


def sections() -> tuple[Section, ...]:
    """The links of the main navigation for whoever is asking."""
    links: tuple[tuple[str, str], ...] = PUBLIC
    if current_user.is_authenticated:
        links = READING + PUBLIC + (ADMINISTRATION if current_user.role == "admin" else ())
    here = UNDER.get(request.endpoint or "", request.endpoint)
    return tuple(Section(title=title, endpoint=endpoint, current=endpoint == here)
                 for title, endpoint in links)


def init_app(app: Flask) -> None:
    app.add_template_filter(moment, "moment")
    app.add_template_filter(percent, "percent")
    app.add_template_filter(size, "bytes")
    app.add_template_filter(colour, "colour")
    app.context_processor(lambda: {"nav": sections(), "version": VERSION})
