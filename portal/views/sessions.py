"""Who is behind a request, and the rule that a route without a guard is closed."""

from __future__ import annotations

import logging
from datetime import datetime

from flask import Flask, abort, current_app, g, redirect, request, session, url_for
from flask_login import current_user, login_user, logout_user
from werkzeug.wrappers import Response

from portal.extensions import login_manager
from portal.services import login_sessions
from portal.services.api_tokens import Bearer
from portal.services.audit import Actor
from portal.services.errors import NotFound
from portal.services.login_sessions import Client, Login
from portal.services.logins import HalfLogin
from portal.storage.tables.columns import now
from portal.views.cookie import Cookie
from portal.views.watching import WATCHED
from portal.views.wiring import settings, wants_json

log = logging.getLogger("portal.sessions")
PUBLIC_FILES = ("static", "bootstrap.static")
WITHOUT_SECOND_FACTOR = ("second_factor.set_up_form", "second_factor.set_up", "proof.prove_form", "proof.prove",
                         "auth.logout", "stay.left", "stay.stay", "health.healthz", "health.readyz")
"""What somebody may open who must have one and has none yet."""
HALF = "half_login"


def init_app(app: Flask) -> None:
    """Close every route that says nothing of who may open it, and load logins from their rows."""
    app.session_interface = Cookie()
    app.before_request(refuse_unguarded)
    app.before_request(lead_to_second_factor)
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


def lead_to_second_factor() -> Response | None:
    """Whoever must have a second factor and has none gets to nothing but the page that sets one up, and out."""
    endpoint = request.endpoint or ""
    if "_user_id" not in session or endpoint in (*PUBLIC_FILES, *WITHOUT_SECOND_FACTOR):
        return None
    if not current_user.is_authenticated or not current_user.lacks_second_factor:
        return None
    if wants_json():
        abort(403)
    return redirect(url_for("second_factor.set_up_form"), 303)


def load_login(token: str) -> Login | None:
    return login_sessions.find_login(token, settings(), now(), here=WATCHED not in request.args)


def begin(login: Login) -> None:
    """Put a new login into an empty cookie; whatever login this browser had before ends."""
    if current_user.is_authenticated and current_user.session_id != login.session_id:
        end_row()
    session.clear()
    g.pop("csrf_token", None)  # one that a form of this request drew belongs to the session before
    session.permanent = login.remember
    login_user(login)


def begin_half(half: HalfLogin) -> None:
    """Remember that the password was right; whatever login this browser had before ends."""
    if current_user.is_authenticated:
        end_row()
    logout_user()
    session.clear()
    g.pop("csrf_token", None)
    session[HALF] = [half.user_id, half.proof, half.remember, half.begun.isoformat()]


def half_login() -> HalfLogin | None:
    """What this browser's login still lacks a code for; Flask's seal is on the cookie that holds it."""
    kept = session.get(HALF)
    if not kept:
        return None
    user_id, proof, remember, begun = kept
    return HalfLogin(user_id=user_id, proof=proof, remember=remember, begun=datetime.fromisoformat(begun))


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
    """Who acts, for the audit trail; with which token, where a program asks."""
    user_id = current_user.id if current_user.is_authenticated else None
    return Actor(user_id=user_id, address=current_address(), token=getattr(current_user, "api_token", None))


def current_address() -> str:
    """Where the request comes from, no longer than its column: behind a proxy a stranger may have written it."""
    return (request.remote_addr or "")[:45]


def current_client() -> Client:
    """Where a login comes from."""
    return Client(address=current_address(), browser=request.user_agent.string)
