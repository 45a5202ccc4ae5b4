"""How long the login still lasts, asked by the page's script, and "I am here"."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, jsonify, redirect, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.services import login_sessions
from portal.services.login_sessions import Left
from portal.storage.tables.columns import now
from portal.views.guards import signed_in
from portal.views.wiring import settings, wants_json

bp = Blueprint("stay", __name__, url_prefix="/account/login")


WARN = 120
"""Seconds before a login ends at which its page says so."""


def init_app(app: Flask) -> None:
    app.context_processor(lambda: {"login_lasts": login_lasts})


def login_lasts() -> dict[str, Any]:
    """What a page must know to ask at the right time, in seconds, and whose page it is: to nobody else it is shown
    again after its login has ended.
    """
    idle = settings().remember if current_user.remember else settings().session_idle
    seconds = int(idle.total_seconds())
    return {"seconds": seconds, "warn": min(WARN, seconds // 2), "whose": current_user.id}


@bp.get("")
@signed_in
def left() -> Response:
    """Asked by itself, with `watched` in the address: being asked is not being there."""
    return _tell(login_sessions.time_left(current_user.session_id, settings(), now()))


@bp.post("/stay")
@signed_in
def stay() -> Response:
    """Somebody pressed the button."""
    kept = login_sessions.stay(current_user.session_id, settings(), now())
    return _tell(kept) if wants_json() else redirect(url_for("account.account_view"), 303)


def _tell(time: Left) -> Response:
    """Seconds until the login ends when nobody does anything, whether staying can change that, and whose it is."""
    return jsonify(seconds=time.seconds, at_most=max(0, int(time.absolute.total_seconds())), whose=current_user.id)
