"""Forgotten password: asks for a link by mail, where a mail server is set."""

from __future__ import annotations

import logging
from typing import Any

from flask import Blueprint, Flask, abort, current_app, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response

from portal.forms.auth import ForgottenForm
from portal.services import forgotten
from portal.services.audit import Actor
from portal.services.errors import TooManyTries
from portal.storage.tables.columns import now
from portal.views import sessions
from portal.views.guards import anyone
from portal.views.slowed import tell_slowed
from portal.views.wiring import settings

log = logging.getLogger("portal.forgotten")
bp = Blueprint("forgotten", __name__, url_prefix="/forgotten")

Page = str | Response | tuple[str, int] | tuple[str, int, dict[str, str]]
TEMPLATE = "auth/forgotten.html"


@bp.get("")
@anyone
def forgotten_form() -> Page:
    _or_404()
    return render_template(TEMPLATE, form=ForgottenForm())


@bp.post("")
@anyone
def forgotten_ask() -> Page:
    """The same answer after the same work for every address: what differs is done when it has been sent."""
    _or_404()
    form = ForgottenForm()
    if not form.validate():
        return render_template(TEMPLATE, form=form), 400
    actor, email = sessions.current_actor(), str(form.email.data)
    try:
        forgotten.ask(actor, email, now())
    except TooManyTries as problem:
        return tell_slowed(TEMPLATE, form, problem)
    answer = make_response(redirect(url_for("forgotten.sent"), 303))
    held: Any = current_app
    app: Flask = held._get_current_object()
    answer.call_on_close(lambda: app.extensions["postman"].submit(_deliver, app, actor, email))
    return answer


@bp.get("/sent")
@anyone
def sent() -> Page:
    _or_404()
    return render_template("auth/forgotten_sent.html")


def _deliver(app: Flask, actor: Actor, email: str) -> None:
    """In a thread of its own; nobody waits for what it raises."""
    with app.app_context():
        try:
            forgotten.answer(app.extensions["settings"], actor, email, now())
        except Exception:
            log.exception("no link for a new password was sent")


def _or_404() -> None:
    if settings().mail is None:
        abort(404)
