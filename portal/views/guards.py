"""Who may open a route. A route without a guard is refused by `views/sessions.py` and fails a test."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from flask import abort, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.forms.auth import ProofForm
from portal.services import logins, second_factor
from portal.services.errors import BadLogin, TooManyTries, WrongCode
from portal.storage.tables.columns import now
from portal.views import sessions
from portal.views.carried import ask_to_log_in
from portal.views.slowed import tell_slowed
from portal.views.wiring import settings, wants_json

P = ParamSpec("P")
R = TypeVar("R")


def anyone(view: Callable[P, R]) -> Callable[P, R]:
    """Open to the whole network: say so on purpose."""
    view.guard = "anyone"  # type: ignore[attr-defined]
    return view


def signed_in(view: Callable[P, R]) -> Callable[P, R | Response]:
    """Any approved account; what it may see there is decided by ownership."""
    return _guarded(view, "signed_in", roles=("clinician", "admin"))


def administrator(view: Callable[P, R]) -> Callable[P, R | Response]:
    """Those who administer accounts."""
    return _guarded(view, "administrator", roles=("admin",))


def proven(view: Callable[P, R]) -> Callable[P, R | Any]:
    """Below another guard: the password, and the code of those who have a second factor, was given a short while ago,
    or is asked first.

    A GET comes back after the question. A POST is asked on a page that holds what was sent, without passwords, and
    sends it again together with the proof.
    """

    @wraps(view)
    def asked(*args: P.args, **kwargs: P.kwargs) -> R | Any:
        if now() - current_user.proven_at < settings().proof_lasts:
            return view(*args, **kwargs)
        if wants_json():
            abort(401)
        if request.method != "POST":
            return redirect(url_for("proof.prove_form", next=_here()))
        form = proof_form()
        if "proof" not in request.form:
            return _ask_proof(proof_form(formdata=None)), 401
        if not form.validate():
            return _ask_proof(form), 401
        try:
            give_proof(form)
        except TooManyTries as problem:
            return tell_slowed("auth/proof.html", form, problem, **_again())
        except BadLogin:
            return _ask_proof(form), 401
        return view(*args, **kwargs)

    asked.proven = True  # type: ignore[attr-defined]
    return asked


def proof_form(**sent: Any) -> ProofForm:
    """What the proof of whoever is logged in consists of: the password, and a code where they have a second factor."""
    form = ProofForm(**sent)
    if not second_factor.has_one(current_user.id):
        del form.proof_code
    return form


def give_proof(form: ProofForm) -> None:
    """The login under a new token. Raises BadLogin, whose words then stand at the field, or TooManyTries."""
    code = form.proof_code.data if form.proof_code else ""
    try:
        sessions.begin(logins.prove(sessions.current_actor(), current_user, form.proof.data, code, settings=settings(),
                                    at=now()))
    except WrongCode as problem:
        (form.proof_code or form.proof).errors = [str(problem)]
        raise
    except BadLogin as problem:
        form.proof.errors = [str(problem)]
        raise


def _ask_proof(form: ProofForm) -> str:
    return render_template("auth/proof.html", form=form, **_again())


def _again() -> dict[str, Any]:
    """Where to send it, and what had been sent: no password and no code of the proof travels back into a page."""
    fields = [(name, value) for name, value in request.form.items(multi=True)
              if name not in ("csrf_token", "proof", "proof_code") and "password" not in name]
    return {"action": request.full_path.rstrip("?"), "fields": fields}


def _guarded(view: Callable[P, R], name: str, roles: tuple[str, ...]) -> Callable[P, R | Response]:
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R | Response:
        if not current_user.is_authenticated:
            return ask_to_log_in() or redirect(url_for("auth.login_form", next=_here()))
        if current_user.role not in roles:
            abort(404)
        return view(*args, **kwargs)

    guarded.guard = name  # type: ignore[attr-defined]
    return guarded


def _here() -> str | None:
    """The address to come back to after login; after a POST there is none."""
    return request.full_path.rstrip("?") if request.method == "GET" else None


def local_target(target: str | None) -> str | None:
    """`target` when it is a path of this portal, else None; browsers read a backslash as a slash."""
    if not target or not target.startswith("/") or target.startswith("//") or "\\" in target:
        return None
    if any(ord(character) < 32 for character in target):
        return None
    parts = urlsplit(target)
    return None if parts.scheme or parts.netloc else target
