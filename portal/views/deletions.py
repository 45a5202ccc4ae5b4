"""Deleting cases: propose, confirm, withdraw, and what is older than it should be."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.forms.deletions import ConfirmForm, ProposeForm
from portal.services import deletions, retention
from portal.services.deletions import Person, Shelf, Sight
from portal.services.errors import NotDeleted, NotFound
from portal.storage.deletions import list_ended
from portal.storage.tables.cases import Case
from portal.storage.tables.columns import now
from portal.views import wiring
from portal.views.guards import administrator, proven, signed_in
from portal.views.ids import LARGEST
from portal.views.sessions import current_actor

bp = Blueprint("deletions", __name__)

PAGE_SIZE = 25
MOST_AT_ONCE = 200


@bp.get("/cases/<id:case_id>/deletion")
@signed_in
def deletion_form(case_id: int) -> str | Response:
    case = _case_or_404(case_id)
    found = deletions.find_open(case_id)
    if found:
        return redirect(url_for("deletions.deletion_view", deletion_id=found.id), 303)
    return render_template("deletions/propose.html", case=case, form=ProposeForm(formdata=None))


@bp.post("/cases/<id:case_id>/deletion")
@signed_in
def deletion_propose(case_id: int) -> Response | tuple[str, int]:
    case, form = _case_or_404(case_id), ProposeForm()
    if form.validate():
        try:
            proposal = deletions.propose(current_actor(), _person(), case_id, form.reason.data)
        except NotFound:
            abort(404)
        except NotDeleted as problem:
            form.reason.errors = [str(problem)]
        else:
            flash("Proposed. Nothing is deleted before somebody else confirms it.", "success")
            return redirect(url_for("deletions.deletion_view", deletion_id=proposal), 303)
    return render_template("deletions/propose.html", case=case, form=form), 400


@bp.get("/deletions/<id:deletion_id>")
@signed_in
def deletion_view(deletion_id: int) -> str:
    return _show(_sight_or_404(deletion_id), ConfirmForm(formdata=None))


@bp.post("/deletions/<id:deletion_id>/confirm")
@signed_in
@proven
def deletion_confirm(deletion_id: int) -> Response | tuple[str, int]:
    form = ConfirmForm()
    if form.validate():
        shelf = Shelf(store=wiring.files(), incoming=wiring.post().incoming)
        try:
            number = deletions.confirm(current_actor(), _person(), deletion_id, form.number.data, shelf)
        except NotFound:
            abort(404)
        except NotDeleted as problem:
            form.number.errors = [str(problem)]
        else:
            flash(f"Case {number} is deleted.", "success")
            return redirect(url_for("deletions.deletion_view", deletion_id=deletion_id), 303)
    return _show(_sight_or_404(deletion_id), form), 400


@bp.post("/deletions/<id:deletion_id>/withdraw")
@signed_in
def deletion_withdraw(deletion_id: int) -> Response:
    try:
        deletions.withdraw(current_actor(), _person(), deletion_id, now())
    except NotFound:
        abort(404)
    except NotDeleted as problem:
        flash(str(problem), "error")
    else:
        flash("Withdrawn. The case stays as it is.", "success")
    return redirect(url_for("deletions.deletion_view", deletion_id=deletion_id), 303)


@bp.get("/admin/deletions")
@administrator
def deletion_list() -> str:
    """Proposals that wait, and what was deleted."""
    return render_template("deletions/deletion_list.html", waiting=deletions.list_open(_person()),
                           page=list_ended(wiring.page_number(), PAGE_SIZE))


@bp.get("/admin/retention")
@administrator
def retention_list() -> str:
    return _due(ProposeForm(formdata=None), frozenset())


@bp.post("/admin/retention")
@administrator
@proven
def retention_propose() -> Response | tuple[str, int]:
    """Propose all that were ticked."""
    form = ProposeForm()
    chosen = frozenset(one for one in request.form.getlist("case", type=int)[:MOST_AT_ONCE] if 0 < one <= LARGEST)
    if form.validate():
        try:
            done = deletions.propose_many(current_actor(), _person(), chosen, form.reason.data)
        except NotDeleted as problem:
            form.reason.errors = [str(problem)]
        else:
            flash(f"{done} {'case was' if done == 1 else 'cases were'} proposed. Nothing is deleted before somebody "
                  "else confirms it." if done else "No case was ticked.", "success" if done else "warning")
            return redirect(url_for("deletions.deletion_list" if done else "deletions.retention_list"), 303)
    return _due(form, chosen), 400


def _due(form: ProposeForm, chosen: frozenset[int]) -> str:
    return render_template("deletions/retention_list.html", form=form, chosen=chosen,
                           due=retention.list_due(now(), wiring.page_number()))


def _show(sight: Sight, form: ConfirmForm) -> str:
    return render_template("deletions/deletion_view.html", sight=sight, row=sight.row, form=form)


def _person() -> Person:
    return Person(id=current_user.id, administers=current_user.role == "admin")


def _case_or_404(case_id: int) -> Case:
    try:
        return deletions.find_case(case_id, _person())
    except NotFound:
        abort(404)


def _sight_or_404(deletion_id: int) -> Sight:
    try:
        return deletions.look_at(deletion_id, _person())
    except NotFound:
        abort(404)
