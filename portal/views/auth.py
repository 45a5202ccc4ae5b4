"""Asking for an account, logging in and out."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.forms.auth import LoginForm, RegisterForm
from portal.services import accounts, logins
from portal.services.errors import BadAccount, BadLogin, TooManyTries, WeakPassword
from portal.storage.tables import now
from portal.views import sessions
from portal.views.carried import take_over
from portal.views.guards import anyone, local_target
from portal.views.slowed import tell_slowed
from portal.views.wiring import settings

bp = Blueprint("auth", __name__)

Page = str | Response | tuple[str, int] | tuple[str, int, dict[str, str]]


@bp.get("/login")
@anyone
def login_form() -> Page:
    if current_user.is_authenticated and request.method == "GET":
        return redirect(_target())
    return render_template("auth/login.html", form=LoginForm())


@bp.post("/login")
@anyone
def login() -> Page:
    form = LoginForm()
    if not form.validate():
        return render_template("auth/login.html", form=form), 400
    try:
        opened = logins.log_in(sessions.current_client(), form.email.data, form.password.data,
                               remember=form.remember.data, settings=settings(), at=now())
    except TooManyTries as problem:
        return tell_slowed("auth/login.html", form, problem)
    except BadLogin as problem:
        form.form_errors.append(str(problem))
        return render_template("auth/login.html", form=form), 401
    sessions.begin(opened)
    return redirect(take_over(form.carried.data or "", opened.id) or _target(), 303)


@bp.post("/logout")
@anyone
def logout() -> Response:
    sessions.end()
    return redirect(url_for("home.index"), 303)


@bp.get("/register")
@anyone
def register_form() -> str:
    return render_template("auth/register.html", form=RegisterForm())


@bp.post("/register")
@anyone
def register() -> Page:
    form = RegisterForm()
    if not form.validate():
        return render_template("auth/register.html", form=form), 400
    try:
        accounts.register(sessions.current_actor(), form.name.data, form.email.data, form.password.data,
                          rounds=settings().bcrypt_rounds, at=now())
    except TooManyTries as problem:
        return tell_slowed("auth/register.html", form, problem)
    except BadAccount as problem:
        form[problem.field].errors = [str(problem)]
    except WeakPassword as problem:
        form.password.errors = [str(problem)]
    else:
        return redirect(url_for("auth.registered"), 303)
    return render_template("auth/register.html", form=form), 400


@bp.get("/registered")
@anyone
def registered() -> str:
    return render_template("auth/registered.html")


def _target() -> str:
    return local_target(request.values.get("next")) or url_for("home.index")
