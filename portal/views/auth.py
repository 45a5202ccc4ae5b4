"""Asking for an account, logging in and out."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.forms.auth import CodeForm, LoginForm, RegisterForm
from portal.services import accounts, logins
from portal.services.accounts import folded_email
from portal.services.errors import BadAccount, BadLogin, HalfLoginOver, TooManyTries, WeakPassword
from portal.services.login_sessions import Login
from portal.services.logins import HalfLogin
from portal.storage.tables.columns import now
from portal.views import known_browsers, sessions
from portal.views.carried import take_over
from portal.views.guards import anyone, local_target
from portal.views.headers import cleared
from portal.views.slowed import tell_slowed
from portal.views.wiring import settings

bp = Blueprint("auth", __name__)

Page = str | Response | tuple[str, int] | tuple[str, int, dict[str, str]]


@bp.get("/login")
@anyone
def login_form() -> Page:
    if current_user.is_authenticated and request.method == "GET":
        return redirect(_target())
    return _login_page(LoginForm())


@bp.post("/login")
@anyone
def login() -> Page:
    form = LoginForm()
    if not form.validate():
        return _login_page(form), 400
    try:
        opened = logins.log_in(sessions.current_client(), form.email.data, form.password.data,
                               remember=form.remember.data, settings=settings(), at=now(),
                               browser=known_browsers.name(folded_email(form.email.data)))
    except TooManyTries as problem:
        return tell_slowed("auth/login.html", form, problem, by_mail=settings().mail is not None)
    except BadLogin as problem:
        form.form_errors.append(str(problem))
        return _login_page(form), 401
    if isinstance(opened, HalfLogin):
        sessions.begin_half(opened)
        return _ask_for_code(CodeForm(formdata=None, data={"carried": form.carried.data}))
    return _enter(opened, form.carried.data or "")


@bp.get("/login/code")
@anyone
def code_form() -> Page:
    half = sessions.half_login()
    if half is None or not logins.is_half_in(half, now()):
        if request.method == "POST":  # a stale form, which is answered with a page
            return _login_page(LoginForm(formdata=None, data={"carried": CodeForm().carried.data}))
        return redirect(url_for("auth.login_form", next=request.args.get("next")))
    return render_template("auth/code.html", form=CodeForm())


@bp.post("/login/code")
@anyone
def code() -> Page:
    """The second half of a login."""
    form, half = CodeForm(), sessions.half_login()
    if half is None:
        return _start_again(form)
    if not form.validate():
        return render_template("auth/code.html", form=form), 400
    email = logins.email_of(half)
    try:
        opened = logins.log_in_with_code(sessions.current_client(), half, form.code.data, settings=settings(),
                                         at=now(), browser=known_browsers.name(email))
    except HalfLoginOver:
        return _start_again(form)
    except TooManyTries as problem:
        return tell_slowed("auth/code.html", form, problem)
    except BadLogin as problem:
        form.code.errors = [str(problem)]
        return render_template("auth/code.html", form=form), 401
    return _enter(opened, form.carried.data or "")


@bp.post("/logout")
@anyone
def logout() -> Response:
    sessions.end()
    return cleared(redirect(url_for("home.index"), 303))


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


def _login_page(form: LoginForm) -> str:
    return render_template("auth/login.html", form=form, by_mail=settings().mail is not None)


def _ask_for_code(form: CodeForm) -> Page:
    """The next page at once where something is carried along, which no address can; else by a redirect."""
    if form.carried.data:
        return render_template("auth/code.html", form=form)
    return redirect(url_for("auth.code_form", next=local_target(request.values.get("next"))), 303)


def _start_again(form: CodeForm) -> Page:
    """The login once more, with what was carried."""
    flash("The code came too late. Log in again.", "warning")
    return _login_page(LoginForm(formdata=None, data={"carried": form.carried.data})), 401


def _enter(opened: Login, carried: str) -> Page:
    """Logged in: on to where this person wanted to be."""
    sessions.begin(opened)
    answer = take_over(carried, opened.id) or redirect(_target(), 303)
    if opened.lacks_second_factor:
        answer = redirect(url_for("second_factor.set_up_form"), 303)
    known_browsers.keep(answer, opened.email)
    return answer


def _target() -> str:
    return local_target(request.values.get("next")) or url_for("home.index")
