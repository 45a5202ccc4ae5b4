"""The sections of the portal, those of its administration, and which of them a page belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from flask import request
from flask_login import current_user


@dataclass(frozen=True, kw_only=True)
class Section:
    """One link of a navigation."""

    title: str
    endpoint: str
    current: bool


PUBLIC = (("Models", "models.model_list"),)
READING = (("Worklist", "home.index"), ("History", "cases.case_list"), ("New case", "cases.case_create_form"),
           ("Agreement", "agreement.agreement_view"))
# One word beside the reader's sections: nine more would push those of every day off a small screen.
ADMINISTRATION = ("Administration", "admin.user_list")
PARTS = (("Accounts", "admin.user_list"), ("Audit", "audit.audit_list"), ("Model states", "admin.model_states"),
         ("Drift", "drift.drift_view"), ("Deletions", "deletions.deletion_list"),
         ("One pseudonym", "subjects.subject_form"), ("Notices", "notices.notice_list"),
         ("Settings", "settings.settings_form"), ("System", "admin.system"))
PART_OF = {
    "admin.user_reset": "admin.user_list",
    "admin_accounts.account_view": "admin.user_list",
    "admin.model_version": "admin.model_states",
    "fits.fit_form": "admin.model_states",
    "fits.fit_ask": "admin.model_states",
    "deletions.deletion_view": "deletions.deletion_list",
    "deletions.deletion_confirm": "deletions.deletion_list",
    "deletions.retention_list": "deletions.deletion_list",
    "deletions.retention_propose": "deletions.deletion_list",
    "subjects.subject_find": "subjects.subject_form",
    "subjects.subject_delete": "subjects.subject_form",
    "notices.notice_write": "notices.notice_list",
    "settings.settings_save": "settings.settings_form",
    "choices.choice_form": "settings.settings_form",
    "choices.choice_save": "settings.settings_form",
}
"""Pages of the administration without a link of their own, and the part they belong to."""
UNDER = {
    "cases.case_create": "cases.case_create_form",
    "cases.case_view": "cases.case_list",
    "cases.case_jobs": "cases.case_list",
    "folders.folder_form": "cases.case_list",
    "folders.folder_take_in": "cases.case_list",
    "images.image_upload": "cases.case_list",
    "images.image_upload_form": "cases.case_list",
    "slides.slide_view": "cases.case_list",
    "slides.slide_change": "cases.case_list",
    "drawings.drawing_list": "cases.case_list",
    "drawings.drawing_draw": "cases.case_list",
    "reports.sign_form": "cases.case_list",
    "reports.sign": "cases.case_list",
    "training_sets.training_set_list": "cases.case_list",
    "predictions.prediction_view": "home.index",
    "predictions.review_form": "home.index",
    "predictions.review_create": "home.index",
    "models.model_view": "models.model_list",
    "sharing.reader_add": "cases.case_list",
    "sharing.blind_end_form": "cases.case_list",
    "deletions.deletion_form": "cases.case_list",
    "deletions.deletion_propose": "cases.case_list",
    "deletions.deletion_view": "cases.case_list",
    "deletions.deletion_confirm": "cases.case_list",
}
"""Pages of readers without a link of their own, and the section they belong to."""


def sections() -> tuple[Section, ...]:
    """The links of the main navigation for whoever is asking."""
    endpoint = request.endpoint or ""
    links: tuple[tuple[str, str], ...] = READING + PUBLIC if current_user.is_authenticated else PUBLIC
    here = UNDER.get(endpoint, endpoint)
    if _administers():
        links += (ADMINISTRATION,)
        here = ADMINISTRATION[1] if _part(endpoint) else here
    return _sections(links, here)


def administration() -> tuple[Section, ...]:
    """The links to the parts of the administration; empty on other pages and for everybody else."""
    part = _part(request.endpoint or "") if _administers() else ""
    return _sections(PARTS, part) if part else ()


def _administers() -> bool:
    return bool(current_user.is_authenticated and current_user.role == "admin")


def _part(endpoint: str) -> str:
    part = PART_OF.get(endpoint, endpoint)
    return part if any(part == one for _, one in PARTS) else ""


def _sections(links: tuple[tuple[str, str], ...], here: str) -> tuple[Section, ...]:
    return tuple(Section(title=title, endpoint=endpoint, current=endpoint == here) for title, endpoint in links)
