"""Files to take away: the history as a table or as objects."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from flask import Blueprint, Response, abort, redirect, request, send_file, stream_with_context, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal.services.exports import files, history
from portal.services.exports.history import Wanted
from portal.services.jobs import queue
from portal.services.jobs.kinds import export
from portal.storage.tables.columns import now
from portal.views import spending, wiring
from portal.views.cases import wanted_cases
from portal.views.guards import signed_in
from portal.views.sessions import current_actor

bp = Blueprint("exports", __name__)

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@bp.get("/cases/export.csv")
@signed_in
def history_csv() -> Response:
    wanted, engine = _begin("csv"), wiring.engine()
    columns = history.find_columns(engine, wanted)
    rows = history.walk_rows(engine, columns, wanted)
    return sent(files.csv_of(columns.names, rows), "text/csv; charset=utf-8", _name("csv"))


@bp.get("/cases/export.jsonl")
@signed_in
def history_jsonl() -> Response:
    objects = history.walk_objects(wiring.engine(), _begin("jsonl"))
    return sent(files.jsonl_of(objects), "application/x-ndjson; charset=utf-8", _name("jsonl"))


@bp.get("/cases/export.xlsx")
@signed_in
def history_xlsx() -> Response:
    """Made on disk before the first byte is sent, and gone from there when the last one is."""
    wanted, engine = _begin("xlsx"), wiring.engine()
    columns = history.find_columns(engine, wanted)
    with tempfile.TemporaryDirectory(prefix="secondread-") as folder:
        path = Path(folder) / "history.xlsx"
        files.write_xlsx(path, columns.names, history.walk_rows(engine, columns, wanted), history.about(wanted))
        made = path.open("rb")
    # The name is gone with the folder; the content stays until it is closed, however the sending ends.
    answer = send_file(made, mimetype=XLSX, as_attachment=True, download_name=_name("xlsx"))
    answer.content_length = os.fstat(made.fileno()).st_size
    return _private(answer)


@bp.post("/cases/export")
@signed_in
def history_job() -> AnyResponse:
    """A history that is too large to wait for, or whichever somebody wants made in the background."""
    form = request.form.get("form", "csv")
    if form not in export.FORMS:
        abort(400)
    spending.take_export()
    order = export.history_order(current_actor(), current_user.id, wanted_cases(), _reviews(), form)
    return redirect(url_for("jobs.job_view", job_id=queue.submit(wiring.carrier(), current_actor(), order)), 303)


def _begin(form: str) -> Wanted:
    spending.take_export()
    return history.begin(current_actor(), current_user.id, wanted_cases(), _reviews(), form)


def _reviews() -> history.Which:
    return "all" if request.args.get("reviews") == "all" else "latest"


def sent(pieces: Iterator[bytes], kind: str, name: str) -> Response:
    """A download that is sent while it is made."""
    answer = Response(stream_with_context(pieces), content_type=kind)
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return _private(answer)


def _name(form: str) -> str:
    """Says nothing of what was searched for: file names travel further than files."""
    return f"secondread-history-{now():%Y-%m-%d}.{form}"


def _private(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
