"""Jobs: work that outlasts a request, how far it is, and stopping it."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response
from flask_login import current_user

from portal.services.errors import NotFound
from portal.services.jobs import queue
from portal.services.jobs.queue import JobLine, JobPage
from portal.views import jobs, wiring
from portal.views.api import problems
from portal.views.api.document import bp, fails
from portal.views.api.guard import token_required
from portal.views.api.job_shapes import JobList, JobQuery, JobTold
from portal.views.sessions import current_actor


@bp.get("/jobs")
@token_required
@fails(422)
@bp.arguments(JobQuery, location="query")
@bp.response(200, JobList)
def job_list(wanted: dict[str, Any]) -> JobPage:
    """Your jobs, the newest first."""
    return queue.list_own(current_user.id, wanted.get("cursor"))


@bp.get("/jobs/<id:job_id>")
@token_required
@fails(404)
@bp.response(200, JobTold)
def job_view(job_id: int) -> JobLine:
    """One of your jobs: ask every two seconds or so until `state` is done, failed or cancelled."""
    return jobs.job_or_404(job_id)


@bp.post("/jobs/<id:job_id>/cancel")
@token_required
@fails(404)
@bp.response(200, JobTold)
def job_cancel(job_id: int) -> JobLine:
    """Stop a job. One that has ended stays as it is."""
    try:
        queue.cancel(current_actor(), job_id)
    except NotFound:
        problems.refuse(404, "")
    return jobs.job_or_404(job_id)


@bp.post("/jobs/<id:job_id>/again")
@token_required
@fails(404)
@bp.response(200, JobTold)
def job_again(job_id: int) -> JobLine:
    """Queue a failed or cancelled job once more, from its beginning. Another stays as it is."""
    try:
        queue.try_again(wiring.carrier(), current_actor(), job_id)
    except NotFound:
        problems.refuse(404, "")
    return jobs.job_or_404(job_id)


@bp.get("/jobs/<id:job_id>/file")
@token_required
@fails(404)
@bp.response(200, {"type": "string", "format": "binary"}, content_type="application/octet-stream")
def job_file(job_id: int) -> Response:
    """The file that a job of yours made, until it is deleted after 7 days."""
    return make_response(jobs.job_file(job_id))
