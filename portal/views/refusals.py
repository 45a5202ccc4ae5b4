"""Every refusal goes into the audit trail: what belongs to others, what a role may not do, forged forms, many tries."""

from __future__ import annotations

import logging

from flask import Flask, Response, g, request
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError

from portal.services import sightings
from portal.services.allowances import REFUSED
from portal.storage.tables.columns import now
from portal.views.api import problems
from portal.views.sessions import current_actor
from portal.views.shown import remembered

log = logging.getLogger("portal.refusals")
ACTIONS = {400: "form.refuse", 401: "token.refuse", 403: "access.refuse", 404: "access.refuse", 413: "size.refuse",
           429: "rate.refuse"}
NAMED = ("case_id", "image_id", "prediction_id", "job_id", "user_id", "delivery_id", "token_id", "session_id")


def init_app(app: Flask) -> None:
    """Look at every answer. An address that no view serves is nobody's thing, and not written down."""

    @app.after_request
    def note(answer: Response) -> Response:
        told = {"limit": g.spent} if "spent" in g else {}
        action = REFUSED if told else ACTIONS.get(answer.status_code)
        if action and request.endpoint and _counts(answer.status_code):
            try:
                sightings.note_refusal(remembered(), current_actor(), action, _subject(), now(),
                                       status=answer.status_code, page=request.endpoint, **told)
            except SQLAlchemyError:
                # It is refused all the same.
                log.exception("a refusal could not be written down")
        return answer


def _counts(status: int) -> bool:
    """A form with a mistake in it is no refusal; nor is a stranger's wrong address, nor a login, whose service tells it
    better.
    """
    if status == 400:
        return bool(g.get("forged"))
    if status == 401:
        return problems.is_asked()
    if status == 404:
        return bool(current_user.is_authenticated)
    return True


def _subject() -> str:
    """The innermost thing that the address names."""
    named = [(name, value) for name, value in (request.view_args or {}).items() if name in NAMED]
    if not named:
        return ""
    name, value = named[-1]
    return f"{name.removesuffix('_id')}:{value}"
