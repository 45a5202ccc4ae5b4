"""What was typed into a form when its login had ended: carried through the next login, a review into a draft.

A form holds a ticket that says, under this portal's seal, whose it is. When it arrives without a login, the login
page takes what was typed along, sealed and for a short while; the same person's login makes a draft of it. Nothing
is recorded by it, nobody else's login gets it, and where it leads is not in anybody's hands but ours. Other forms
with long texts are shown again after the login, to be sent by whoever sees them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from itsdangerous import BadSignature, SignatureExpired, URLSafeSerializer, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from portal.forms.auth import LoginForm
from portal.services import drafts
from portal.services.errors import BadDraft, NotFound
from portal.views.wiring import settings

CARRIED_FROM = "predictions.review_create"
SHOWN_AGAIN = {"patient": "Patient pseudonym", "specimen": "Specimen", "note": "Note",
               "comment": "Conclusion or comment"}
"""Fields of the forms in `FORMS` that a person typed, in their words."""
FORMS = ("cases.case_create", "reports.sign")
NEVER = ("csrf_token", "password", "proof")
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


def init_app(app: Flask) -> None:
    app.context_processor(lambda: {"whose": seal_whose})


def seal_whose() -> str:
    """For a form of `FORMS`, shown to whoever is logged in."""
    return str(_owners().dumps(current_user.id))


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
    if request.method == "POST" and request.endpoint in FORMS:
        return _carry_form()
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
    return _login_with([ticket.reader_id, prediction_id, typed])


def _carry_form() -> Response | None:
    """The login page with every field but passwords, where the form says whose it is."""
    try:
        owner = _owners().loads(request.form.get("whose", ""))
    except BadSignature:
        return None
    fields = [(name, value) for name, value in request.form.items(multi=True) if name not in NEVER]
    if len(fields) > drafts.MOST_FIELDS or sum(len(value) for _, value in fields) > drafts.MOST_CHARACTERS:
        return None
    return _login_with([owner, request.path, fields])


def _login_with(carried: list[Any]) -> Response:
    form = LoginForm(formdata=None, data={"carried": _carriers().dumps(carried)})
    return make_response(render_template("auth/login.html", form=form, by_mail=settings().mail is not None), 401)


def take_over(sealed: str, reader_id: int) -> Response | None:
    """Keep what a login brought along and answer with where it now stands; None when it brought nothing of theirs."""
    if not sealed:
        return None
    try:
        owner, prediction_id, typed = _carriers().loads(sealed, max_age=SECONDS)
        if owner != reader_id:
            flash(ANOTHER, "warning")
            return None
        if isinstance(prediction_id, str):
            return _show_again(prediction_id, typed)
        drafts.save_draft(reader_id, prediction_id, typed)
    except SignatureExpired:
        flash(TOO_LATE, "warning")
        return None
    except (BadSignature, BadDraft, NotFound):
        return None
    flash(KEPT, "info")
    return redirect(url_for("predictions.review_form", prediction_id=prediction_id), 303)


def _show_again(address: str, fields: list[list[str]]) -> Response:
    shown = [(SHOWN_AGAIN[name], value) for name, value in fields if name in SHOWN_AGAIN and value]
    return make_response(render_template("auth/carried.html", action=address, fields=fields, shown=shown))


def _tickets() -> Any:
    return URLSafeSerializer(settings().secret_key, salt="review ticket")


def _owners() -> Any:
    return URLSafeSerializer(settings().secret_key, salt="whose form")


def _carriers() -> Any:
    return URLSafeTimedSerializer(settings().secret_key, salt="typed before a login")
