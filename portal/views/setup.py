"""What stands behind the links that work once: the first administrator, and a new password."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from portal.forms.setup import ResetForm, SetupForm
from portal.services import first_admin, links
from portal.services.errors import AccountExists, BadAccount, LinkExpired, WeakPassword
from portal.storage.tables.columns import now
from portal.views import sessions
from portal.views.errors import answer_with
from portal.views.guards import anyone
from portal.views.wiring import settings

bp = Blueprint("setup", __name__)

Page = str | Response | tuple[str | Response, int]
SET_UP_ALREADY = ("This link no longer works", "It was used already, is too old, or a newer one was printed. If an "
                  "administrator exists, log in. If not, start the portal again: it prints a new link.")
EXPIRED = "This link was used already or is too old. Ask your administrator for a new one."


@bp.get("/setup")
@anyone
def setup_form() -> Page:
    form = SetupForm(token=request.args.get("token", ""))
    try:
        if request.method == "GET":  # a stale form is shown again; sending it is what checks its link
            links.check_setup_link(form.token.data, now())
    except LinkExpired:
        return answer_with(404, *SET_UP_ALREADY)
    return render_template("setup/setup.html", form=form)


@bp.post("/setup")
@anyone
def setup() -> Page:
    form = SetupForm()
    if not form.validate():
        return render_template("setup/setup.html", form=form), 400
    try:
        login = first_admin.set_up(sessions.current_client(), form.token.data, form.name.data,
                                   form.email.data, form.password.data, settings=settings(), at=now())
    except LinkExpired:
        return answer_with(404, *SET_UP_ALREADY)
    except BadAccount as problem:
        form[problem.field].errors = [str(problem)]
    except AccountExists as problem:
        form.email.errors = [str(problem)]
    except WeakPassword as problem:
        form.password.errors = [str(problem)]
    else:
        sessions.begin(login)
        return redirect(url_for("second_factor.set_up_form"), 303)
    return render_template("setup/setup.html", form=form), 400


@bp.get("/reset")
@anyone
def reset_form() -> Page:
    form = ResetForm(token=request.args.get("token", ""))
    try:
        if request.method == "GET":
            links.check_reset_link(form.token.data, now())
    except LinkExpired:
        return _expired()
    return render_template("setup/reset.html", form=form)


@bp.post("/reset")
@anyone
def reset() -> Page:
    form = ResetForm()
    if not form.validate():
        return render_template("setup/reset.html", form=form), 400
    try:
        links.reset_password(sessions.current_actor(), form.token.data, form.password.data,
                             rounds=settings().bcrypt_rounds, at=now())
    except LinkExpired:
        return _expired()
    except WeakPassword as problem:
        form.password.errors = [str(problem)]
        return render_template("setup/reset.html", form=form), 400
    flash("Your new password is set. Log in with it.", "success")
    return redirect(url_for("auth.login_form"), 303)


def _expired() -> Response:
    flash(EXPIRED, "error")
    return redirect(url_for("auth.login_form"), 303)
