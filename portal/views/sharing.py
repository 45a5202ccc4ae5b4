"""Readers of a case, and whether they read it blind."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.forms.cases import UploadForm
from portal.forms.sharing import ShareForm
from portal.services import blind, sharing
from portal.services.errors import NotChosen, NotFound, NotShared
from portal.storage.tables.cases import Case
from portal.views.cases import case_or_404, show_case
from portal.views.guards import signed_in
from portal.views.sessions import current_actor

bp = Blueprint("sharing", __name__, url_prefix="/cases/<id:case_id>")


@bp.post("/readers")
@signed_in
def reader_add(case_id: int) -> Response | tuple[str, int]:
    case = _owned_or_404(case_id)
    form = ShareForm().offer(sharing.describe(case, current_user.id).colleagues)
    if form.validate():
        try:
            name = sharing.share_case(current_actor(), case, int(form.reader.data))
        except NotShared as problem:
            form.form_errors.append(str(problem))
        else:
            flash(f"{name} reads this case from now on.", "success")
            return _to_readers(case_id)
    return show_case(case_or_404(case_id), UploadForm(formdata=None), form), 400


@bp.get("/readers")
@signed_in
def reader_list(case_id: int) -> Response:
    """For somebody who reloads what a refused share had shown."""
    return _to_readers(case_or_404(case_id).id)


@bp.post("/readers/<id:user_id>/end")
@signed_in
def reader_end(case_id: int, user_id: int) -> Response:
    """By the owner, or by the reader who leaves."""
    leaving = user_id == current_user.id
    case = case_or_404(case_id) if leaving else _owned_or_404(case_id)
    title = f"{case.patient}, {case.specimen}"
    try:
        name = sharing.end_share(current_actor(), case, user_id)
    except NotFound:
        abort(404)
    except NotShared as problem:
        flash(str(problem), "danger")
        return _to_readers(case_id)
    if leaving:
        flash(f"You have left the case {title}. Your readings stay with it.", "success")
        return redirect(url_for("cases.case_list"), 303)
    flash(f"{name} no longer reads this case. What they read stays with it.", "success")
    return _to_readers(case_id)


@bp.post("/blind/start")
@signed_in
def blind_start(case_id: int) -> Response:
    blind.switch(current_actor(), _owned_or_404(case_id), True)
    flash("From now on each reader sees the models’ answers only after a reading of their own.", "success")
    return _to_readers(case_id)


@bp.get("/blind/end")
@signed_in
def blind_end_form(case_id: int) -> str | Response:
    """Asks once more: what was shown cannot be hidden again."""
    case = _owned_or_404(case_id)
    if not case.blind:
        return _to_readers(case_id)
    return render_template("sharing/blind_end.html", case=case)


@bp.post("/blind/end")
@signed_in
def blind_end(case_id: int) -> Response:
    try:
        blind.switch(current_actor(), _owned_or_404(case_id), False)
    except NotChosen as problem:
        flash(str(problem), "danger")
    else:
        flash("Every reader of this case now sees the models’ answers and each other’s readings.", "success")
    return _to_readers(case_id)


def _owned_or_404(case_id: int) -> Case:
    try:
        return sharing.get_owned_case(case_id, current_user.id)
    except NotFound:
        abort(404)


def _to_readers(case_id: int) -> Response:
    return redirect(url_for("cases.case_view", case_id=case_id, _anchor="readers"), 303)
