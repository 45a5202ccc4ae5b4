"""What was typed into a review when its login had ended: carried through the next login into a draft.

A form holds a ticket that says, under this portal's seal, whose it is. When it arrives without a login, the login
page takes what was typed along, sealed and for a short while; the same person's login makes a draft of it. Nothing
is recorded by it, nobody else's login gets it, and where it leads is not in anybody's hands but ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import flash, make_response, render_template, request, url_for
from flask_login import current_user
from itsdangerous import BadSignature, SignatureExpired, URLSafeSerializer, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from portal.forms.auth import LoginForm
from portal.services import drafts
from portal.services.errors import BadDraft, NotFound
from portal.views.wiring import settings

CARRIED_FROM = "predictions.review_create"
SECONDS = 30 * 60
KEPT = "What you had typed is in the form again. It is a draft: nothing is recorded yet."
TOO_LATE = "What had been typed before the login was carried for too long and is gone. Please type it again."
ANOTHER = "What had been typed before the login belongs to another account and was not kept."


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """Whose form it is, of which prediction, and how many readings they had recorded when it was shown."""

    reader_id: int
    prediction_id: int
    readings: int


def seal_ticket(prediction_id: int, readings: int) -> str:
    """For a form of whoever is logged in."""
    return str(_tickets().dumps([current_user.id, prediction_id, readings]))


def read_ticket(sealed: str, prediction_id: int) -> Ticket | None:
    """None for one that this portal did not seal for this prediction."""
    try:
        reader_id, named, readings = _tickets().loads(sealed)
    except (BadSignature, ValueError, TypeError):
        return None
    ticket = Ticket(reader_id=reader_id, prediction_id=named, readings=readings)
    return ticket if named == prediction_id else None


def is_anothers_form(prediction_id: int) -> bool:
    """Whether the form that was sent had been shown to somebody else than who is logged in now."""
    ticket = read_ticket(request.form.get("ticket", ""), prediction_id)
    return ticket is not None and ticket.reader_id != current_user.id


def ask_to_log_in() -> Response | None:
    """The login page with what was typed, or None for a request that brings nothing to carry."""
    if request.method != "POST" or request.endpoint != CARRIED_FROM:
        return None
    prediction_id = (request.view_args or {})["prediction_id"]
    ticket = read_ticket(request.form.get("ticket", ""), prediction_id)
    if ticket is None:
        return None
    try:
        typed = drafts.checked(request.form)
    except BadDraft:
        return None
    sealed = _carriers().dumps([ticket.reader_id, prediction_id, typed])
    form = LoginForm(formdata=None, data={"carried": sealed})
    return make_response(render_template("auth/login.html", form=form), 401)


def take_over(sealed: str, reader_id: int) -> str | None:
    """Keep what a login brought along and say where it now stands; None when it brought nothing of this reader's."""
    if not sealed:
        return None
    try:
        owner, prediction_id, typed = _carriers().loads(sealed, max_age=SECONDS)
        if owner != reader_id:
            flash(ANOTHER, "warning")
            return None
        drafts.save_draft(reader_id, prediction_id, typed)
    except SignatureExpired:
        flash(TOO_LATE, "warning")
        return None
    except (BadSignature, BadDraft, NotFound):
        return None
    flash(KEPT, "info")
    return url_for("predictions.review_form", prediction_id=prediction_id)


def _tickets() -> Any:
    return URLSafeSerializer(settings().secret_key, salt="review ticket")


def _carriers() -> Any:
    return URLSafeTimedSerializer(settings().secret_key, salt="typed before a login")
