"""Administration: accounts, who did what, models and machine."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from models.spec import ModelSpec
from portal.services import (
    accounts,
    activation,
    factor_rule,
    fitting,
    glance,
    links,
    offers,
    readiness,
    second_factor,
    system,
)
from portal.services.backup import daily
from portal.services.chain.daily import look_at_trail
from portal.services.errors import LastAdministrator, NotActivated, NotFound
from portal.services.jobs import queue
from portal.storage.tables.accounts import User
from portal.storage.tables.columns import now
from portal.views import wiring
from portal.views.guards import administrator, proven
from portal.views.sessions import current_actor

bp = Blueprint("admin", __name__, url_prefix="/admin")


@bp.get("/users")
@administrator
def user_list() -> str:
    users = accounts.list_users()
    waiting = [user for user in users if user.status == "waiting"]
    others = [user for user in users if user.status != "waiting"]
    return render_template("admin/user_list.html", waiting=waiting, others=others)


@bp.post("/users/<id:user_id>/approve")
@administrator
@proven
def user_approve(user_id: int) -> Response:
    user = _or_404(lambda: accounts.approve_user(current_actor(), user_id))
    flash(f"{user.name} can log in now.", "success")
    return redirect(url_for("admin.user_list"), 303)


@bp.post("/users/<id:user_id>/disable")
@administrator
@proven
def user_disable(user_id: int) -> Response:
    try:
        user = _or_404(lambda: accounts.disable_user(current_actor(), user_id, now()))
    except LastAdministrator as problem:
        flash(str(problem), "error")
    else:
        flash(f"{user.name} cannot log in any more; every login of theirs has ended.", "success")
    return redirect(url_for("admin.user_list"), 303)


@bp.post("/users/<id:user_id>/reset")
@administrator
@proven
def user_reset(user_id: int) -> str:
    """Shows the link instead of redirecting: it is kept nowhere that another request could read it."""
    user = _or_404(lambda: accounts.get_user(user_id))
    token = links.create_reset_link(current_actor(), user_id, now())
    return render_template("admin/user_reset.html", user=user,
                           link=url_for("setup.reset_form", token=token, _external=True))


@bp.post("/users/<id:user_id>/second-factor/reset")
@administrator
@proven
def user_reset_second_factor(user_id: int) -> Response:
    if user_id == current_user.id:
        abort(404)
    user = _or_404(lambda: second_factor.reset(current_actor(), user_id))
    flash(f"{user.name} logs in with the password alone now"
          + (", and is led to set up a new second factor." if factor_rule.is_required(user.role) else "."), "success")
    return redirect(url_for("admin.user_list"), 303)


@bp.get("/models")
@administrator
def model_states() -> str:
    engine = wiring.engine()
    return render_template("admin/model_states.html", rows=offers.list_states(engine), problems=engine.own_problems(),
                           taught=fitting.list_keys(engine))


@bp.post("/models/<key>/activate")
@administrator
@proven
def model_activate(key: str) -> Response:
    return _offered(lambda: activation.activate(wiring.engine(), current_actor(), key))


@bp.get("/models/<key>/<version>")
@administrator
def model_version(key: str, version: str) -> str:
    """A version that was fine-tuned here, beside the one that is offered."""
    try:
        candidate = activation.find_candidate(wiring.engine(), key, version)
    except NotFound:
        abort(404)
    return render_template("admin/model_version.html", candidate=candidate, comparison=candidate.comparison)


@bp.post("/models/<key>/<version>/promote")
@administrator
@proven
def model_promote(key: str, version: str) -> Response:
    return _offered(lambda: activation.activate(wiring.engine(), current_actor(), key, version))


@bp.post("/models/<key>/rollback")
@administrator
@proven
def model_roll_back(key: str) -> Response:
    return _offered(lambda: activation.roll_back(wiring.engine(), current_actor(), key))


def _offered(change: Callable[[], ModelSpec]) -> Response:
    """The answer to every change of what is offered."""
    try:
        spec = change()
    except NotFound:
        abort(404)
    except NotActivated as problem:
        flash(str(problem), "danger")
    else:
        flash(f"{spec.title}, version {spec.version}, is offered from now on. Earlier answers stay with the version "
              "that gave them.", "success")
    return redirect(url_for("admin.model_states"), 303)


@bp.get("/system", endpoint="system")
@administrator
def system_view() -> str:
    told = system.describe(wiring.settings(), wiring.files())
    return render_template("admin/system.html", system=told, queue=queue.describe(),
                           glance=glance.look(wiring.settings(), told.stored_bytes, now()),
                           backup=daily.last_backup(wiring.settings()), trail=look_at_trail(),
                           parts=readiness.check(wiring.probe(), wiring.engine(), wiring.settings()))


def _or_404(find: Callable[[], User]) -> User:
    try:
        return find()
    except NotFound:
        abort(404)
