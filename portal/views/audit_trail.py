"""The audit trail: searched, and taken away as a file."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, render_template, request
from flask_login import current_user

from portal.forms.admin import AuditFilterForm
from portal.services import audit_log
from portal.services.exports import files
from portal.storage.audit_events import EventFilter, Spot
from portal.storage.tables.columns import now
from portal.views import spending
from portal.views.exports import sent
from portal.views.guards import administrator
from portal.views.ids import LARGEST
from portal.views.sessions import current_actor

bp = Blueprint("audit", __name__, url_prefix="/admin")
SPOT = re.compile(r"([0-9]{1,18})-([1-9][0-9]{0,9})", re.ASCII)
START = datetime(1970, 1, 1)
MICROSECOND = timedelta(microseconds=1)


@bp.get("/audit")
@administrator
def audit_list() -> str:
    form, wanted = _read_filter()
    before = _spot(request.args.get("before", ""))
    page = audit_log.list_events(wanted, before, current_user.id)
    return render_template("admin/audit_list.html", form=form, kept=_kept(form), page=page, first=before is None,
                           older=_word(page.older) if page.older else "", verified=audit_log.last_verified())


@bp.get("/audit.csv")
@administrator
def audit_csv() -> Response:
    wanted, last = _begin("csv")
    rows = audit_log.walk_rows(wanted, last, current_user.id)
    return sent(files.csv_of(audit_log.COLUMNS, rows), "text/csv; charset=utf-8", _name("csv"))


@bp.get("/audit.jsonl")
@administrator
def audit_jsonl() -> Response:
    wanted, last = _begin("jsonl")
    objects = audit_log.walk_objects(wanted, last, current_user.id)
    return sent(files.jsonl_of(objects), "application/x-ndjson; charset=utf-8", _name("jsonl"))


def _begin(form: str) -> tuple[EventFilter, int]:
    spending.take_export()
    _, wanted = _read_filter()
    return wanted, audit_log.begin_export(current_actor(), wanted, form)


def _read_filter() -> tuple[AuditFilterForm, EventFilter]:
    """The form, and what its valid fields ask for."""
    form = AuditFilterForm(request.args).offer(audit_log.list_people(), audit_log.list_actions())
    form.validate()
    said = _kept(form)
    return form, EventFilter(
        text=said.get("q", ""), person=int(said["person"]) if "person" in said else None,
        action=said.get("action", ""), subject=said.get("subject", ""),
        since=form.since.data if "since" in said else None, until=form.until.data if "until" in said else None)


def _kept(form: AuditFilterForm) -> dict[str, str]:
    """The fields that hold something valid, as an address writes them."""
    return {one.short_name: str(one.data) for one in form if one.data and not one.errors}


def _word(spot: Spot) -> str:
    return f"{(spot.at - START) // MICROSECOND}-{spot.id}"


def _spot(word: str) -> Spot | None:
    """None for a word that makes no sense."""
    found = SPOT.fullmatch(word)
    if not found or int(found[2]) > LARGEST:
        return None
    try:
        return Spot(at=START + int(found[1]) * MICROSECOND, id=int(found[2]))
    except OverflowError:
        return None


def _name(form: str) -> str:
    return f"secondread-audit-{now().replace(tzinfo=UTC):%Y-%m-%d}.{form}"
