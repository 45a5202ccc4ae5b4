"""Jobs: what is on its way, how far it is, and stopping it."""

from __future__ import annotations

from flask import Blueprint, Flask, abort, jsonify, redirect, render_template, request, send_file, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.services import cases
from portal.services.errors import NotFound
from portal.services.jobs import queue
from portal.services.jobs.queue import JobLine
from portal.views import wiring
from portal.views.api.job_shapes import JobList, JobTold
from portal.views.guards import signed_in
from portal.views.ids import LARGEST
from portal.views.sessions import current_actor
from portal.views.watching import watch_address

bp = Blueprint("jobs", __name__)


@bp.get("/jobs")
@signed_in
def job_list() -> str | Response:
    before = request.args.get("before", type=int)
    before = before if before and 0 < before <= LARGEST else None
    page = queue.list_own(current_user.id, before)
    if wiring.wants_json():
        return jsonify(JobList().dump(page))
    return render_template("jobs/job_list.html", page=page,
                           watch=watch_address(page.lines, "jobs.job_list", before=before))


@bp.get("/jobs/<id:job_id>")
@signed_in
def job_view(job_id: int) -> str | Response:
    line = job_or_404(job_id)
    if wiring.wants_json():
        return jsonify(JobTold().dump(line))
    return render_template("jobs/job_view.html", line=line,
                           watch=watch_address([line], "jobs.job_view", job_id=job_id))


@bp.get("/jobs/<id:job_id>/file")
@signed_in
def job_file(job_id: int) -> Response:
    """The file that a job of one's own made."""
    line = job_or_404(job_id)
    if line.job.case_id and not cases.may_read(line.job.case_id, current_user.id):
        abort(404)
    if line.is_for_administrators and current_user.role != "admin":
        abort(404)
    file = line.file
    if not file or not file["stored_as"]:
        abort(404)
    try:
        answer = send_file(wiring.files().local(file["stored_as"]), mimetype=file["type"], as_attachment=True,
                           download_name=file["name"])
    except FileNotFoundError:
        abort(404)
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@bp.post("/jobs/<id:job_id>/cancel")
@signed_in
def job_cancel(job_id: int) -> Response:
    try:
        queue.cancel(current_actor(), job_id)
    except NotFound:
        abort(404)
    return _changed(job_id)


@bp.post("/jobs/<id:job_id>/again")
@signed_in
def job_again(job_id: int) -> Response:
    try:
        queue.try_again(wiring.carrier(), current_actor(), job_id)
    except NotFound:
        abort(404)
    return _changed(job_id)


def job_or_404(job_id: int) -> JobLine:
    """The reader's own job; somebody else's does not exist."""
    try:
        return queue.get_job(job_id, current_user.id)
    except NotFound:
        abort(404)


def init_app(app: Flask) -> None:
    """Every page's menu says how many jobs the reader has on their way."""
    app.context_processor(lambda: {"count_open_jobs": _count_open})


def _count_open() -> str:
    return queue.count_open(current_user.id)


def _changed(job_id: int) -> Response:
    if wiring.wants_json():
        return jsonify(JobTold().dump(job_or_404(job_id)))
    return redirect(url_for("jobs.job_view", job_id=job_id), 303)
