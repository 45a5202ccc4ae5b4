"""One's own account: the password, and where one is logged in."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.forms.account import PasswordForm
from portal.services import login_sessions, logins
from portal.services.errors import BadLogin, NotFound, TooManyTries, WeakPassword
from portal.services.login_sessions import SessionInfo
from portal.storage.tables import now
from portal.views import sessions
from portal.views.guards import signed_in
from portal.views.slowed import tell_slowed
from portal.views.wiring import settings

bp = Blueprint("account", __name__, url_prefix="/account")

Page = str | Response | tuple[str, int] | tuple[str, int, dict[str, str]]
TEMPLATE = "account/account.html"


@bp.get("")
@signed_in
def account_view() -> str:
    return render_template(TEMPLATE, form=PasswordForm(), sessions=_own_sessions())


@bp.get("/password")
@signed_in
def password_form() -> str | Response:
    """The same page, so that reloading an address that a failed form left behind finds it."""
    return account_view()


@bp.post("/password")
@signed_in
def password_change() -> Page:
    form = PasswordForm()
    if not form.validate():
        return render_template(TEMPLATE, form=form, sessions=_own_sessions()), 400
    try:
        renewed = logins.change_password(sessions.current_actor(), current_user, form.current.data,
                                         form.password.data, settings=settings(), at=now())
    except TooManyTries as problem:
        return tell_slowed(TEMPLATE, form, problem, sessions=_own_sessions())
    except BadLogin as problem:
        form.current.errors = [str(problem)]
    except WeakPassword as problem:
        form.password.errors = [str(problem)]
    else:
        sessions.begin(renewed)
        flash("Your password is changed. Every other login of yours has ended.", "success")
        return redirect(url_for("account.account_view"), 303)
    return render_template(TEMPLATE, form=form, sessions=_own_sessions()), 400


@bp.post("/sessions/<id:session_id>/end")
@signed_in
def session_end(session_id: int) -> Response:
    if session_id == current_user.session_id:
        sessions.end()
        return redirect(url_for("home.index"), 303)
    try:
        login_sessions.end_session(sessions.current_actor(), current_user.id, session_id)
    except NotFound:
        abort(404)
    flash("That login has ended.", "success")
    return redirect(url_for("account.account_view"), 303)


def _own_sessions() -> list[SessionInfo]:
    return login_sessions.list_sessions(current_user, settings(), now())
