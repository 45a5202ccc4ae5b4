"""Reviewed images to train on: how many there are, and to take away."""

from __future__ import annotations

from flask import Blueprint, Response, abort, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal.services.errors import NotFound
from portal.services.exports import bundle, training
from portal.services.jobs import queue
from portal.services.jobs.kinds import export
from portal.storage.tables.columns import now
from portal.views import spending, wiring
from portal.views.exports import sent
from portal.views.guards import signed_in
from portal.views.sessions import current_actor

MANY_IMAGES = 500
"""Nobody waits for a set of more."""
bp = Blueprint("training_sets", __name__, url_prefix="/training-sets")


@bp.get("")
@signed_in
def training_set_list() -> str:
    reader_id = _reader()
    return render_template("training/training_set_list.html", everyone=reader_id is None, many=MANY_IMAGES,
                           sets=training.list_training_sets(wiring.engine(), reader_id))


@bp.get("/<key>.zip")
@signed_in
def training_set_zip(key: str) -> Response:
    try:
        system = training.find_system(wiring.engine(), key)
    except NotFound:
        abort(404)
    spending.take_export()
    reader_id, made = _reader(), now()
    bundle.begin(current_actor(), system, reader_id)
    return sent(bundle.stream_zip(system, wiring.files(), reader_id, made), "application/zip",
                f"secondread-{system.spec.key}-training-{made:%Y-%m-%d}.zip")


@bp.post("/<key>")
@signed_in
def training_set_job(key: str) -> AnyResponse:
    """A set of many images, made in the background."""
    try:
        order = export.training_set_order(current_actor(), wiring.engine(), key, _reader())
    except NotFound:
        abort(404)
    spending.take_export()
    return redirect(url_for("jobs.job_view", job_id=queue.submit(wiring.carrier(), current_actor(), order)), 303)


def _reader() -> int | None:
    return training.reader_of(current_user.id, current_user.role)
