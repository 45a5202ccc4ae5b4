"""The first page: what this is, or what waits."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask_login import current_user

from portal.forms.auth import LoginForm
from portal.services import accounts, worklist
from portal.views import places
from portal.views.guards import anyone
from portal.views.wiring import engine, settings

bp = Blueprint("home", __name__)


@bp.get("/")
@anyone
def index() -> str:
    if not current_user.is_authenticated:
        return render_template("home/landing.html", form=LoginForm(), by_mail=settings().mail is not None)
    waiting = accounts.count_waiting() if current_user.role == "admin" else 0
    form, wanted = places.read_filter(request.args, whole=True)
    cursor = places.read_cursor(request.args)
    stretch = worklist.list_items(engine(), current_user.id, wanted, cursor)
    return render_template("home/worklist.html", form=form, kept=places.kept(form), stretch=stretch,
                           here=places.list_query(form, cursor), item_address=places.item_address,
                           cursor_word=places.cursor_word, waiting_accounts=waiting)
