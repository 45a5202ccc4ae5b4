"""Images: take them in, and show them to whom they belong."""

from __future__ import annotations

from dataclasses import asdict
from os import SEEK_END

from flask import Blueprint, Response, abort, flash, jsonify, redirect, render_template, request, send_file, url_for
from flask_login import current_user
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as AnyResponse

from portal.forms.cases import UploadForm
from portal.forms.images import ImageFieldsForm
from portal.services import cases, image_fields, room, uploads
from portal.services.errors import BadImageField, DeliveryRefused, NotFound
from portal.services.keeping import NAME_LENGTH
from portal.services.slides import deliveries
from portal.services.slides.deliveries import Parcel
from portal.services.slides.recognise import is_slide
from portal.services.uploads import Verdict
from portal.storage.tables.cases import Case, Image
from portal.views import spending, wiring
from portal.views.cases import case_or_404, show_case
from portal.views.guards import signed_in
from portal.views.headers import kept_private
from portal.views.sessions import current_actor

bp = Blueprint("images", __name__)

STATUS_BY_CODE = {"too-many-bytes": 413, "too-many-pixels": 413, "not-an-image": 415, "unsupported": 415,
                  "not-a-slide": 415, "too-many": 409, "model-failed": 503, "not-stored": 507, "no-room": 507,
                  "busy": 503}
UNREADABLE = 422
PIXEL_SIZE = "pixel-size"
FLASHED_AT_MOST = 10
ARRIVED = "arrived"
TAKEN_IN = "It is being taken in: this page shows how far, and you may leave it."


@bp.teardown_request
def close_uploads(_problem: BaseException | None) -> None:
    """Large uploads lie in temporary files; they go with the request, not with the garbage collector."""
    request.close()


@bp.get("/cases/<id:case_id>/images")
@signed_in
def image_upload_form(case_id: int) -> str:
    """The case, for somebody who reloads what a refused upload had shown."""
    return show_case(case_or_404(case_id), UploadForm())


@bp.post("/cases/<id:case_id>/images")
@signed_in
def image_upload(case_id: int) -> AnyResponse | tuple[Response | str, int]:
    case = case_or_404(case_id)
    room.check_room(wiring.settings(), request.content_length or 0)
    sent = [file for file in request.files.getlist("images") if file.filename]
    model = request.form.get("model", "")
    um_per_px, problem = _pixel_size()
    problem = _problem(model, sent) or problem
    if problem:
        return _refuse(case, problem)
    spending.take_upload(len(sent))
    verdicts = [_receive(case.id, model, file, um_per_px) for file in sent]
    if wiring.wants_json():
        return jsonify(files=[_with_url(one) for one in verdicts]), _status(verdicts)
    _flash_verdicts(verdicts)
    unsized = [one for one in verdicts if one.code == PIXEL_SIZE]
    if unsized:
        return _ask_pixel_size(case, unsized)
    return redirect(url_for("cases.case_view", case_id=case.id), 303)


@bp.get("/images/<id:image_id>/file")
@signed_in
def image_file(image_id: int) -> Response:
    image = image_or_404(image_id)
    slide = image.kind == "slide"
    answer = send_file(wiring.files().local(image.stored_as), mimetype=image.content_type, as_attachment=slide,
                       download_name=f"slide-{image.id}.tif" if slide else f"image-{image.id}")
    return kept_private(answer)


@bp.get("/images/<id:image_id>/thumbnail")
@signed_in
def image_thumbnail(image_id: int) -> Response:
    image = image_or_404(image_id)
    # The same content has the same thumbnail: a browser that holds it costs no second decoding.
    held = image.sha256 in request.if_none_match
    drawn = b"" if held else cases.draw_thumbnail(wiring.slides(), wiring.files(), image)
    answer = Response(drawn, mimetype="image/jpeg")
    answer.set_etag(image.sha256)
    return kept_private(answer)


@bp.get("/images/<id:image_id>/fields")
@signed_in
def image_fields_form(image_id: int) -> str:
    image = image_or_404(image_id)
    form = ImageFieldsForm(obj=image)
    return render_template("images/image_fields.html", image=image, form=form, doubts=())


@bp.post("/images/<id:image_id>/fields")
@signed_in
def image_fields_change(image_id: int) -> AnyResponse | tuple[str, int]:
    image, form = image_or_404(image_id), ImageFieldsForm()
    typed = f"{form.serial.data} | {form.specimen_group.data}"
    try:
        doubts = image_fields.doubts_about(image, form.serial.data, form.specimen_group.data)
        if doubts and form.sure.data != typed:
            # Asked once, about these words, as for a case's pseudonym.
            form.sure.data = typed
            return render_template("images/image_fields.html", image=image, form=form, doubts=doubts), UNREADABLE
        image_fields.correct_fields(current_actor(), current_user.id, image_id, form.serial.data,
                                    form.specimen_group.data)
    except BadImageField as problem:
        form[problem.field].errors = [str(problem)]
        return render_template("images/image_fields.html", image=image, form=form, doubts=()), UNREADABLE
    return redirect(url_for("cases.case_view", case_id=image.case_id, _anchor=f"image-{image.id}"), 303)


def _problem(model: str, sent: list[FileStorage]) -> str:
    if not sent:
        return "Choose at least one image."
    if len(sent) > wiring.settings().max_upload_files:
        return f"Send at most {wiring.settings().max_upload_files} images at once."
    if model not in {spec.key for spec in wiring.engine().specs()}:
        return "Choose one of the models."
    if wiring.engine().bytes_on_disk(model) is None:
        return "This model is not installed here. Choose another."
    return ""


def _pixel_size() -> tuple[float | None, str]:
    """What was stated, and what is wrong with it. Most uploads state none, and need not wait for a form."""
    if not request.form.get("um_per_px", "").strip():
        return None, ""
    form = UploadForm()
    form.um_per_px.validate(form)
    return form.um_per_px.data, " ".join(form.um_per_px.errors)


def _refuse(case: Case, problem: str) -> AnyResponse | tuple[Response | str, int]:
    if wiring.wants_json():
        return jsonify(files=[], reason=problem), 400
    form = UploadForm()
    if form.um_per_px.validate(form):
        form.form_errors.append(problem)
    return show_case(case, form), 400


def _ask_pixel_size(case: Case, unsized: list[Verdict]) -> tuple[str, int]:
    """The form again with what was typed; a browser forgets the files, so their names stand there."""
    form = UploadForm()
    form.um_per_px.errors = list(dict.fromkeys(one.reason for one in unsized))
    names = ", ".join(one.file[:80] for one in unsized[:FLASHED_AT_MOST])
    more = f" and {len(unsized) - FLASHED_AT_MOST} more" if len(unsized) > FLASHED_AT_MOST else ""
    form.images.errors = [f"Nothing of these was kept; choose them again: {names}{more}."]
    return show_case(case, form), UNREADABLE


def _receive(case_id: int, model: str, file: FileStorage, um_per_px: float | None) -> Verdict:
    """Reads at most one byte more than the limit: enough for the header's refusal, never more."""
    most = wiring.settings().max_image_bytes
    data = file.stream.read(most + 1)
    if is_slide(file.filename or "", data, most):
        return _receive_slide(case_id, model, file, um_per_px)
    return uploads.receive_image(wiring.desk(), current_actor(), case_id, model, file.filename or "", data,
                                 um_per_px)


def _receive_slide(case_id: int, model: str, file: FileStorage, um_per_px: float | None) -> Verdict:
    """From the form as it is, for who sends without a script: it is taken in by a job."""
    size = file.stream.seek(0, SEEK_END)
    file.stream.seek(0)
    name = file.filename or "slide"
    parcel = Parcel(case_id=case_id, name=name[:NAME_LENGTH], size=size, model=model, um_per_px=um_per_px)
    try:
        deliveries.take_whole(wiring.post(), current_actor(), parcel, file.stream)
    except DeliveryRefused as problem:
        return Verdict(file=name, model=model, version="", outcome="error", reason=str(problem), code=problem.code)
    return Verdict(file=name, model=model, version="", outcome=ARRIVED, reason=TAKEN_IN)


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
    return 202 if only.outcome == ARRIVED else 200 if only.existing else 201


def _flash_verdicts(verdicts: list[Verdict]) -> None:
    """Only what the case page does not show anyway: what was not kept, and what was there before."""
    failed = [one for one in verdicts if one.outcome == "error" and one.code != PIXEL_SIZE]
    for one in failed[:FLASHED_AT_MOST]:
        flash(f"{one.file[:80]}: {one.reason}", "danger")
    if len(failed) > FLASHED_AT_MOST:
        flash(f"{len(failed) - FLASHED_AT_MOST} more files could not be read.", "danger")
    for outcome, words, kind in (("scored", "scored", "success"), ("refused", "kept but not scored", "warning")):
        number = sum(one.outcome == outcome and not one.existing for one in verdicts)
        if number:
            flash(f"{number} {'image' if number == 1 else 'images'} {words}.", kind)
    arrived = sum(one.outcome == ARRIVED for one in verdicts)
    if arrived:
        flash(f"{arrived} {'slide has' if arrived == 1 else 'slides have'} arrived. {TAKEN_IN}", "success")
    again = sum(one.existing for one in verdicts)
    if again:
        flash(f"{again} already in this case: the existing record was kept.", "info")


def image_or_404(image_id: int) -> Image:
    """In one of the reader's cases; any other does not exist."""
    try:
        return cases.get_image(image_id, current_user.id)
    except NotFound:
        abort(404)
