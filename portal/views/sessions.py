"""Who is behind a request, and the rule that a route without a guard is closed."""

from __future__ import annotations

import logging

from flask import Flask, abort, current_app, g, request, session
from flask_login import current_user, login_user, logout_user

from portal.extensions import login_manager
from portal.services import login_sessions
from portal.services.api_tokens import Bearer
from portal.services.audit import Actor
from portal.services.errors import NotFound
from portal.services.login_sessions import Client, Login
from portal.storage.tables import now
from portal.views.wiring import settings

log = logging.getLogger("portal.sessions")
PUBLIC_FILES = ("static", "bootstrap.static")


def init_app(app: Flask) -> None:
    """Close every route that says nothing of who may open it, and load logins from their rows."""
    app.before_request(refuse_unguarded)
    login_manager.user_loader(load_login)
    # A row that can be ended does more than Flask-Login's comparing of browser and address.
    login_manager.session_protection = None


def refuse_unguarded() -> None:
    """Every view must name its guard; the forgotten one must not be the open one."""
    endpoint = request.endpoint
    if endpoint is None or endpoint in PUBLIC_FILES:
        return
    if not hasattr(current_app.view_functions[endpoint], "guard"):
        log.error("refused %s: its view names no guard", endpoint)
        abort(404)


def load_login(token: str) -> Login | None:
    return login_sessions.find_login(token, settings(), now())


def begin(login: Login) -> None:
    """Put a new login into an empty cookie; whatever login this browser had before ends."""
    if current_user.is_authenticated and current_user.session_id != login.session_id:
        end_row()
    session.clear()
    session.permanent = login.remember
    login_user(login)


def end() -> None:
    """Log this browser out."""
    if current_user.is_authenticated:
        end_row()
    logout_user()
    session.clear()


def end_row() -> None:
    try:
        login_sessions.end_session(current_actor(), current_user.id, current_user.session_id, "logout")
    except NotFound:
        log.info("the login had ended already")


def act_as(bearer: Bearer) -> None:
    """For this request only, and whatever a cookie says."""
    g._login_user = bearer


def current_actor() -> Actor:
    """Who acts, for the audit trail."""
    return Actor(user_id=current_user.id if current_user.is_authenticated else None,
                 address=current_address())


def current_address() -> str:
    """Where the request comes from, no longer than its column: behind a proxy a stranger may have written it."""
    return (request.remote_addr or "")[:45]


def current_client() -> Client:
    """Where a login comes from."""
    return Client(address=current_address(), browser=request.user_agent.string)
