"""Reviewed images to train on: how many there are, and to take away."""

from __future__ import annotations

from flask import Blueprint, Response, abort, render_template
from flask_login import current_user

from portal.services.errors import NotFound
from portal.services.exports import bundle, training
from portal.storage.tables import now
from portal.views import wiring
from portal.views.exports import sent
from portal.views.guards import signed_in
from portal.views.sessions import current_actor

bp = Blueprint("training_sets", __name__, url_prefix="/training-sets")


@bp.get("")
@signed_in
def training_set_list() -> str:
    reader_id = _reader()
    return render_template("training/training_set_list.html", everyone=reader_id is None,
                           sets=training.list_training_sets(wiring.engine(), reader_id))


@bp.get("/<key>.zip")
@signed_in
def training_set_zip(key: str) -> Response:
    try:
        system = training.find_system(wiring.engine(), key)
    except NotFound:
        abort(404)
    reader_id, made = _reader(), now()
    bundle.begin(current_actor(), system, reader_id)
    return sent(bundle.stream_zip(system, wiring.files(), reader_id, made), "application/zip",
                f"secondread-{system.spec.key}-training-{made:%Y-%m-%d}.zip")


def _reader() -> int | None:
    return training.reader_of(current_user.id, current_user.role)
