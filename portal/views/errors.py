"""Every failure as a plain sentence with an id, or as JSON for those who asked for it."""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, current_app, flash, g, jsonify, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response

from models.imaging.errors import Unreadable
from portal.extensions import login_manager
from portal.services import room
from portal.services.errors import CaseGone, DatabaseAway, NoRoom
from portal.storage.changes import VANISHED, is_orphan
from portal.storage.files import FilesUnavailable
from portal.views import away, bodies
from portal.views.api import problems
from portal.views.carried import ask_to_log_in
from portal.views.wiring import wants_json

log = logging.getLogger("portal.errors")

Answer = Any  # A GET view, asked again, may answer whatever Flask takes.

STALE = "This page was open too long to be sent safely. Nothing is lost: check it and send it again."
STALE_WITHOUT_PAGE = "The page was open too long to be sent safely. Go back, reload it and send it again."
FILES_AWAY = "The storage for images does not answer. Nothing that was saved is lost. Try again in a minute."
GONE = "It was deleted while you worked on it. Nothing was kept of what you sent."
PICTURES_BUSY = "Other images are being decoded just now. Nothing is lost. Try again in a moment."
WORDS = {
    400: ("This could not be understood", "Go back, check what was typed and send it again."),
    403: ("Not allowed", "Your account may not do this. Ask your administrator."),
    404: ("Not found", "There is nothing here, or it belongs to somebody else. Check the address."),
    405: ("Not possible here", "Go back and use the buttons of the page."),
    413: ("Too large", "What was sent is larger than this portal accepts. The limits stand beside the upload form."),
    422: ("This picture cannot be shown", "It could not be decoded. Tell your administrator."),
    429: ("Too many tries", "Wait a moment and try again."),
    500: ("Something failed on our side", "Nothing that was saved is lost. Try again; if it fails again, "
                                          "tell your administrator the number below."),
    507: ("No room", "The portal's disk is full. Tell your administrator. Nothing that was saved is lost."),
    503: ("Not available right now", "The database does not answer. Try again in a minute."),
}


def init_app(app: Flask) -> None:
    """Register the handlers."""
    app.register_error_handler(CSRFError, answer_stale_form)
    app.register_error_handler(HTTPException, answer_http_error)
    app.register_error_handler(DBAPIError, answer_database_away)
    app.register_error_handler(PoolTimeout, answer_pool_empty)
    app.register_error_handler(DatabaseAway, answer_still_away)
    app.register_error_handler(NoRoom, answer_no_room)
    app.register_error_handler(FilesUnavailable, answer_files_away)
    app.register_error_handler(IntegrityError, answer_contradiction)
    for vanished in (CaseGone, *VANISHED):
        app.register_error_handler(vanished, answer_gone)
    app.register_error_handler(Unreadable, answer_unreadable)
    app.register_error_handler(Exception, answer_crash)


def answer_stale_form(problem: CSRFError) -> Answer:
    """Show the page that the form stands on again, with what was typed and a fresh token."""
    g.forged = True
    log.info("refused a form without a valid token: %s", problem.description)
    if wants_json():
        return _answer(400, advice=STALE)
    asked = None if current_user.is_authenticated else ask_to_log_in()
    if asked:
        return asked
    page = _page_of_form()
    if page is None:
        return _answer(400, advice=STALE_WITHOUT_PAGE)
    answer = make_response(page)
    if answer.status_code == 200:
        answer.status_code = 400
    return answer


def answer_http_error(problem: HTTPException) -> Answer:
    if problems.is_asked():
        return problems.tell_http(problem)
    if problem.code == 413 and request.endpoint == bodies.UPLOAD and not current_user.is_authenticated:
        return redirect(url_for("auth.login_form"))
    return _answer(problem.code or 500)


def answer_database_away(problem: DBAPIError) -> Answer:
    if room.is_disk_full(problem):
        return answer_no_room(NoRoom(room.DATABASE_FULL))
    if not (isinstance(problem, OperationalError | InterfaceError) or problem.connection_invalidated):
        return answer_crash(problem)
    log.error("the database does not answer", exc_info=problem)
    away.note()
    return answer_still_away()


def answer_still_away(_problem: DatabaseAway | None = None) -> Answer:
    body, status = _answer(503)
    return body, status, {"Retry-After": "30"}


def answer_pool_empty(problem: PoolTimeout) -> Answer:
    """Every connection is held by somebody who waits for the database."""
    log.error("no connection to the database became free", exc_info=problem)
    return answer_still_away()


def answer_no_room(problem: NoRoom) -> Answer:
    log.error("the disk is full: %s", problem)
    return _answer(507, advice=str(problem))


def answer_files_away(problem: FilesUnavailable) -> Answer:
    log.error("the storage for files does not answer", exc_info=problem)
    body, status = _answer(503, advice=FILES_AWAY)
    return body, status, {"Retry-After": "30"}


def answer_contradiction(problem: IntegrityError) -> Answer:
    """Of rows that refer to a case that was deleted meanwhile, the sentence; everything else is a fault of ours."""
    return answer_gone(problem) if is_orphan(problem) else answer_crash(problem)


def answer_gone(problem: Exception) -> Answer:
    log.info("%s %r met what was deleted meanwhile: %s", request.method, request.path, type(problem).__name__)
    if problems.is_asked():
        return problems.tell(404, GONE), 404
    return answer_with(404, "It is not here any more", GONE)


def answer_unreadable(problem: Unreadable) -> Answer:
    """A picture that is kept cannot be shown: its decoder has too much to do, or died of it."""
    log.warning("a picture cannot be shown (%s): %s %s", problem.code, request.method, request.path)
    if problem.code != "busy":
        return _answer(422, advice=problem.message)
    body, status = _answer(503, advice=PICTURES_BUSY)
    return body, status, {"Retry-After": "5"}


def answer_broken_request(problem: Exception) -> Answer:
    """What came over the line is no HTTP, which shows only when the body is read: for the server to register."""
    log.info("the body cannot be read: %s", type(problem).__name__)
    return _answer(400)


def answer_crash(problem: Exception) -> Answer:
    log.error("unexpected failure on %s", request.url_rule or "no route", exc_info=problem)
    return _answer(500)


def _answer(status: int, advice: str = "") -> tuple[str | Response, int]:
    if problems.is_asked():
        return problems.tell(status), status
    title, usual_advice = WORDS.get(status, WORDS[500 if status >= 500 else 400])
    return answer_with(status, title, advice or usual_advice)


def answer_with(status: int, title: str, advice: str) -> tuple[str | Response, int]:
    """A failure in words of its own."""
    words = {"status": status, "title": title, "advice": advice, "request_id": g.get("request_id", "-")}
    if wants_json():
        return jsonify(**words, reason=words["advice"]), status
    if status >= 500:
        # The page's header must not ask the database who this is: it may be what has failed.
        g._login_user = login_manager.anonymous_user()
    return render_template("errors/error.html", **words), status


def _page_of_form() -> Any:
    """What a GET of the same address shows: its form fills itself from the request. A guard may redirect."""
    adapter = current_app.create_url_adapter(request)
    try:
        endpoint, values = adapter.match(method="GET") if adapter else ("", {})
    except (NotFound, MethodNotAllowed, RequestRedirect):
        return None
    if not endpoint:
        return None
    flash(STALE, "warning")
    try:
        return current_app.view_functions[endpoint](**values)
    except NotFound:
        return None
