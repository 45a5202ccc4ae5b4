"""One's own account: the password, where one is logged in, and the tokens of one's programs."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.forms.account import PasswordForm, TokenForm
from portal.services import api_tokens, login_sessions, logins, second_factor
from portal.services.errors import BadLogin, BadToken, NotFound, TooManyTries, WeakPassword, WrongCode
from portal.storage.tables.columns import now
from portal.views import sessions
from portal.views.guards import proven, signed_in
from portal.views.headers import cleared
from portal.views.slowed import tell_slowed
from portal.views.wiring import settings

bp = Blueprint("account", __name__, url_prefix="/account")

Page = str | Response | tuple[str, int] | tuple[str, int, dict[str, str]]
TEMPLATE = "account/account.html"


@bp.get("")
@signed_in
def account_view() -> str:
    return _show()


@bp.get("/password")
@signed_in
def password_form() -> str | Response:
    """The same page, so that reloading an address that a failed form left behind finds it."""
    return account_view()


@bp.post("/password")
@signed_in
def password_change() -> Page:
    form = _password_form()
    if not form.validate():
        return _show(form=form), 400
    try:
        renewed = logins.change_password(sessions.current_actor(), current_user, form.current.data, form.password.data,
                                         form.code.data if form.code else "", settings=settings(), at=now())
    except TooManyTries as problem:
        return tell_slowed(TEMPLATE, form, problem, **_own())
    except WrongCode as problem:
        (form.code or form.current).errors = [str(problem)]
    except BadLogin as problem:
        form.current.errors = [str(problem)]
    except WeakPassword as problem:
        form.password.errors = [str(problem)]
    else:
        sessions.begin(renewed)
        flash("Your password is changed. Every other login of yours has ended, and no token works any more.", "success")
        return redirect(url_for("account.account_view"), 303)
    return _show(form=form), 400


@bp.post("/sessions/<id:session_id>/end")
@signed_in
@proven
def session_end(session_id: int) -> Response:
    if session_id == current_user.session_id:
        sessions.end()
        return cleared(redirect(url_for("home.index"), 303))
    try:
        login_sessions.end_session(sessions.current_actor(), current_user.id, session_id)
    except NotFound:
        abort(404)
    flash("That login has ended.", "success")
    return redirect(url_for("account.account_view"), 303)


@bp.post("/sessions/end-others")
@signed_in
@proven
def sessions_end_others() -> Response:
    ended = login_sessions.end_others(sessions.current_actor(), current_user)
    flash("Every other login of yours has ended." if ended else "There was no other login of yours.", "success")
    return redirect(url_for("account.account_view"), 303)


@bp.get("/tokens")
@signed_in
def token_form() -> str | Response:
    """The same page, for whoever reloads the address under which a token was shown."""
    return _show(token_form=TokenForm())


@bp.post("/tokens")
@signed_in
@proven
def token_create() -> Page:
    """Not a redirect: the secret is shown in this answer and nowhere else."""
    form = TokenForm()
    if form.validate():
        try:
            made = api_tokens.make_token(sessions.current_actor(), current_user.id, form.name.data, now())
        except BadToken as problem:
            form.name.errors = [str(problem)]
        else:
            return _show(made=made, made_for=form.name.data)
    return _show(token_form=form), 400


@bp.post("/tokens/<id:token_id>/revoke")
@signed_in
def token_revoke(token_id: int) -> Response:
    try:
        api_tokens.revoke_token(sessions.current_actor(), current_user.id, token_id, now())
    except NotFound:
        abort(404)
    flash("That token works no more.", "success")
    return redirect(url_for("account.account_view"), 303)


def _password_form(**sent: Any) -> PasswordForm:
    form = PasswordForm(**sent)
    if not second_factor.has_one(current_user.id):
        del form.code
    return form


def _show(**changes: Any) -> str:
    return render_template(TEMPLATE, **{"form": _password_form(formdata=None), **_own(), **changes})


def _own() -> dict[str, Any]:
    """What the page shows besides what was just done."""
    return {"token_form": TokenForm(formdata=None), "made": "", "made_for": "",
            "factor": second_factor.describe(current_user),
            "sessions": login_sessions.list_sessions(current_user.id, current_user.session_id, settings(), now()),
            "tokens": api_tokens.list_tokens(current_user.id)}
