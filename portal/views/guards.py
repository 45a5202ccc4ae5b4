"""Who may open a route. A route without a guard is refused by `views/sessions.py` and fails a test."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar
from urllib.parse import urlsplit

from flask import abort, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.views.carried import ask_to_log_in

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
