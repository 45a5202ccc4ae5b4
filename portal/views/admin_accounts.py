"""One account: its role, its state, its logins."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.services import account_page
from portal.services.errors import LastAdministrator, NotChosen, NotFound
from portal.storage.tables.columns import now
from portal.views import wiring
from portal.views.guards import administrator, proven
from portal.views.sessions import current_actor

bp = Blueprint("admin_accounts", __name__, url_prefix="/admin/users")


@bp.get("/<id:user_id>")
@administrator
def account_view(user_id: int) -> str:
    try:
        page = account_page.describe(user_id, current_user.session_id, wiring.settings(), now())
    except NotFound:
        abort(404)
    return render_template("admin/account_view.html", page=page, user=page.user)


@bp.post("/<id:user_id>/role")
@administrator
@proven
def role_change(user_id: int) -> Response:
    try:
        user = account_page.change_role(current_actor(), user_id, request.form.get("role", ""), now())
    except NotFound:
        abort(404)
    except (LastAdministrator, NotChosen) as problem:
        flash(str(problem), "error")
    else:
        flash(f"{user.name} is {'an administrator' if user.role == 'admin' else 'a clinician'} now; "
              "every login of theirs has ended.", "success")
    return redirect(url_for("admin_accounts.account_view", user_id=user_id), 303)


@bp.post("/<id:user_id>/sessions/end")
@administrator
@proven
def sessions_end(user_id: int) -> Response:
    try:
        ended = account_page.end_sessions(current_actor(), user_id)
    except NotFound:
        abort(404)
    flash(f"{ended} {'login has' if ended == 1 else 'logins have'} ended.", "success")
    return redirect(url_for("admin_accounts.account_view", user_id=user_id), 303)


@bp.post("/<id:user_id>/sessions/<id:session_id>/end")
@administrator
@proven
def session_end(user_id: int, session_id: int) -> Response:
    try:
        account_page.end_session(current_actor(), user_id, session_id)
    except NotFound:
        abort(404)
    flash("That login has ended.", "success")
    return redirect(url_for("admin_accounts.account_view", user_id=user_id), 303)
