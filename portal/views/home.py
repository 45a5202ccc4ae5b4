"""The first page: what this is, or what waits."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask_login import current_user

from portal.forms.auth import LoginForm
from portal.services import accounts, cases
from portal.views.guards import anyone
from portal.views.wiring import engine, page_number

bp = Blueprint("home", __name__)


@bp.get("/")
@anyone
def index() -> str:
    if not current_user.is_authenticated:
        return render_template("home/landing.html", form=LoginForm())
    waiting = accounts.count_waiting() if current_user.role == "admin" else 0
    page = cases.list_worklist(engine(), current_user.id, page_number())
    return render_template("home/worklist.html", page=page, waiting_accounts=waiting)
