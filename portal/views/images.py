"""Images: take them in, and show them to whom they belong."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, Response, abort, flash, jsonify, redirect, request, send_file, url_for
from flask_login import current_user
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as AnyResponse

from portal.services import cases, uploads
from portal.services.errors import NotFound
from portal.services.uploads import Verdict
from portal.storage.tables import Image
from portal.views import wiring
from portal.views.cases import case_or_404
from portal.views.guards import signed_in
from portal.views.headers import kept_private
from portal.views.sessions import current_actor

bp = Blueprint("images", __name__)

STATUS_BY_CODE = {"too-many-bytes": 413, "too-many-pixels": 413, "not-an-image": 415, "unsupported": 415,
                  "model-failed": 503, "not-stored": 507}
UNREADABLE = 422
FLASHED_AT_MOST = 10


@bp.teardown_request
def close_uploads(_problem: BaseException | None) -> None:
    """Large uploads lie in temporary files; they go with the request, not with the garbage collector."""
    request.close()


@bp.post("/cases/<id:case_id>/images")
@signed_in
def image_upload(case_id: int) -> AnyResponse | tuple[Response, int]:
    case = case_or_404(case_id)
    sent = [file for file in request.files.getlist("images") if file.filename]
    model = request.form.get("model", "")
    problem = _problem(model, sent)
    if problem:
        return _refuse(case.id, problem)
    verdicts = [_receive(case.id, model, file) for file in sent]
    if wiring.wants_json():
        return jsonify(files=[_with_url(one) for one in verdicts]), _status(verdicts)
    _flash_verdicts(verdicts)
    return redirect(url_for("cases.case_view", case_id=case.id), 303)


@bp.get("/images/<id:image_id>/file")
@signed_in
def image_file(image_id: int) -> Response:
    image = _image_or_404(image_id)
    answer = send_file(wiring.files().path(image.stored_as), mimetype=image.content_type,
                       download_name=f"image-{image.id}")
    return kept_private(answer)


@bp.get("/images/<id:image_id>/thumbnail")
@signed_in
def image_thumbnail(image_id: int) -> Response:
    image = _image_or_404(image_id)
    # The same content has the same thumbnail: a browser that holds it costs no second decoding.
    held = image.sha256 in request.if_none_match
    answer = Response(b"" if held else cases.draw_thumbnail(wiring.files(), image), mimetype="image/jpeg")
    answer.set_etag(image.sha256)
    return kept_private(answer)


def _problem(model: str, sent: list[FileStorage]) -> str:
    if not sent:
        return "Choose at least one image."
    if len(sent) > wiring.settings().max_upload_files:
        return f"Send at most {wiring.settings().max_upload_files} images at once."
    if model not in {spec.key for spec in wiring.engine().specs()}:
        return "Choose one of the models."
    return ""


def _refuse(case_id: int, problem: str) -> AnyResponse | tuple[Response, int]:
    if wiring.wants_json():
        return jsonify(files=[], reason=problem), 400
    flash(problem, "warning")
    return redirect(url_for("cases.case_view", case_id=case_id), 303)


def _receive(case_id: int, model: str, file: FileStorage) -> Verdict:
    """Reads at most one byte more than the limit: enough for the header's refusal, never more."""
    data = file.stream.read(wiring.settings().max_image_bytes + 1)
    return uploads.receive_image(wiring.desk(), current_actor(), case_id, model, file.filename or "", data)


def _with_url(verdict: Verdict) -> dict[str, object]:
    url = url_for("predictions.prediction_view", prediction_id=verdict.prediction) if verdict.prediction else None
    return {**asdict(verdict), "url": url}


def _status(verdicts: list[Verdict]) -> int:
    """One file speaks for the whole answer; several have their verdicts inside."""
    if len(verdicts) > 1:
        return 200
    only = verdicts[0]
    if only.outcome == "error":
        return STATUS_BY_CODE.get(only.code, UNREADABLE)
    return 200 if only.existing else 201


def _flash_verdicts(verdicts: list[Verdict]) -> None:
    """Only what the case page does not show anyway: what was not kept, and what was there before."""
    failed = [one for one in verdicts if one.outcome == "error"]
    for one in failed[:FLASHED_AT_MOST]:
        flash(f"{one.file[:80]}: {one.reason}", "danger")
    if len(failed) > FLASHED_AT_MOST:
        flash(f"{len(failed) - FLASHED_AT_MOST} more files could not be read.", "danger")
    for outcome, words, kind in (("scored", "scored", "success"), ("refused", "kept but not scored", "warning")):
        number = sum(one.outcome == outcome and not one.existing for one in verdicts)
        if number:
            flash(f"{number} {'image' if number == 1 else 'images'} {words}.", kind)
    again = sum(one.existing for one in verdicts)
    if again:
        flash(f"{again} already in this case: the existing record was kept.", "info")


def _image_or_404(image_id: int) -> Image:
    try:
        return cases.get_image(image_id, current_user.id)
    except NotFound:
        abort(404)
