"""One's own second factor: setting it up, its recovery codes, doing without."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import segno
from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask_login import current_user
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from portal.forms.account import SecondFactorForm
from portal.services import second_factor
from portal.services.errors import BadLogin, NotFound
from portal.storage.tables.columns import now
from portal.views import sessions
from portal.views.account import account_view
from portal.views.guards import proven, signed_in
from portal.views.wiring import settings

bp = Blueprint("second_factor", __name__, url_prefix="/account/second-factor")

Page = str | Response | tuple[str, int]
LASTS = timedelta(minutes=30)
"""So long a drawn key may be on its way into a phone."""


@bp.get("")
@signed_in
@proven
def set_up_form() -> Page:
    """A new key, on this page only until a code of it comes back."""
    return _show(SecondFactorForm())


@bp.post("")
@signed_in
@proven
def set_up() -> Page:
    """Not a redirect: the recovery codes are shown in this answer and nowhere else."""
    form = SecondFactorForm()
    secret = _opened(form.sealed.data or "")
    if not form.validate() or secret is None:
        return _show(form), 400
    try:
        login, codes = second_factor.set_up(sessions.current_actor(), current_user, secret, form.code.data,
                                            settings=settings(), at=now())
    except BadLogin as problem:
        form.code.errors = [str(problem)]
        return _show(form), 400
    sessions.begin(login)
    return render_template("account/recovery_codes.html", codes=codes, fresh=True)


@bp.get("/codes")
@signed_in
def codes_form() -> Page:
    """The account's page, for whoever reloads the address under which codes were shown."""
    return account_view()


@bp.post("/codes")
@signed_in
@proven
def codes_renew() -> Page:
    """Shown in this answer and nowhere else, as those before."""
    try:
        codes = second_factor.renew_codes(sessions.current_actor(), current_user.id)
    except NotFound:
        abort(404)
    return render_template("account/recovery_codes.html", codes=codes, fresh=False)


@bp.post("/remove")
@signed_in
@proven
def remove() -> Response:
    try:
        second_factor.remove(sessions.current_actor(), current_user.id)
    except NotFound:
        abort(404)
    flash("Your login asks for the password alone from now on.", "success")
    return redirect(url_for("account.account_view", _anchor="second-factor"), 303)


def _show(form: SecondFactorForm) -> str:
    """The key of a form that comes back stays; a phone may have it already."""
    secret = _opened(form.sealed.data or "")
    if secret is None:
        if form.sealed.data:
            flash("This page was open for too long. Take the new key below into the app.", "warning")
        secret = second_factor.draw_secret()
        form.sealed.data = str(_seals().dumps([current_user.id, secret]))
    return render_template("account/second_factor.html", form=form, required=current_user.lacks_second_factor,
                           state=second_factor.describe(current_user), **_drawn(secret))


def _drawn(secret: str) -> dict[str, Any]:
    """The QR code as the address of a picture, and the key in groups that can be typed."""
    code = segno.make(second_factor.provisioning_address(secret, current_user.email), error="m")
    return {"picture": code.svg_data_uri(scale=5, border=3, dark="#000", light="#fff"),
            "key": " ".join(secret[start:start + 4] for start in range(0, len(secret), 4))}


def _opened(sealed: str) -> str | None:
    """The key that this portal drew for this person, if it is not too old."""
    try:
        owner, secret = _seals().loads(sealed, max_age=int(LASTS.total_seconds()))
    except (BadSignature, ValueError, TypeError):
        return None
    return str(secret) if owner == current_user.id else None


def _seals() -> Any:
    return URLSafeTimedSerializer(settings().secret_key, salt="key of a second factor")
