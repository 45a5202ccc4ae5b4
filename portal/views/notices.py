"""Notices: written by an administrator, shown on every page, dismissed by each reader."""

from __future__ import annotations

from flask import Blueprint, Flask, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.forms.notices import NoticeForm
from portal.services import notices
from portal.services.errors import BadNotice, NotFound
from portal.storage.tables.columns import now
from portal.storage.tables.notices import Notice
from portal.views.guards import administrator, local_target, signed_in
from portal.views.sessions import current_actor

bp = Blueprint("notices", __name__)


@bp.get("/admin/notices")
@administrator
def notice_list() -> str:
    return _page(NoticeForm(formdata=None))


@bp.post("/admin/notices")
@administrator
def notice_write() -> Response | tuple[str, int]:
    form = NoticeForm()
    if form.validate():
        try:
            notices.write(current_actor(), form.text.data, form.until.data, now())
        except BadNotice as problem:
            form[problem.field].errors = [str(problem)]
        else:
            return redirect(url_for("notices.notice_list"), 303)
    return _page(form), 400


@bp.post("/admin/notices/<id:notice_id>/end")
@administrator
def notice_end(notice_id: int) -> Response:
    try:
        notices.end(current_actor(), notice_id, now())
    except NotFound:
        abort(404)
    flash("Nobody sees it any more.", "success")
    return redirect(url_for("notices.notice_list"), 303)


@bp.post("/notices/<id:notice_id>/dismiss")
@signed_in
def notice_dismiss(notice_id: int) -> Response:
    try:
        notices.dismiss(current_user.id, notice_id)
    except NotFound:
        abort(404)
    return redirect(local_target(request.form.get("next")) or url_for("home.index"), 303)


def init_app(app: Flask) -> None:
    """Every page asks what its reader is to be told."""
    app.context_processor(lambda: {"unread_notices": _unread, "notice_return": _here})


def _unread() -> list[Notice]:
    return list(notices.list_unread(current_user.id, administers=current_user.role == "admin", at=now()))


def _here() -> str:
    """The page to come back to."""
    return request.full_path.rstrip("?") if request.method == "GET" else ""


def _page(form: NoticeForm) -> str:
    return render_template("admin/notice_list.html", form=form, notices=notices.list_all(), at=now())
