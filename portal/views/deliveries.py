"""Large files on their way in, in pieces: begun, continued, dropped; and what lies in the import folder."""

from __future__ import annotations

from flask import Blueprint, Response, abort, flash, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.forms.cases import UploadForm
from portal.services.errors import DeliveryRefused, DoubtfulName, NotFound, PixelSizeProblem, WrongOffset
from portal.services.keeping import NAME_LENGTH
from portal.services.slides import deliveries, folder
from portal.services.slides.deliveries import CHUNK_BYTES, Arrival, Parcel
from portal.views import bodies, spending, wiring
from portal.views.cases import case_or_404
from portal.views.guards import signed_in
from portal.views.sessions import current_actor

bp = Blueprint("deliveries", __name__)

STATUS_BY_CODE = {"too-many-bytes": 413, "not-a-slide": 415, "too-many": 409, "no-room": 507, "not-stored": 507}
UNREADABLE = 422
ASK = ("The file’s name may tell who the patient is. {why} Nothing was taken in: rename it in the folder, or take it "
       "in as it is, below.")


@bp.post("/cases/<id:case_id>/deliveries")
@signed_in
def delivery_begin(case_id: int) -> tuple[Response, int]:
    """The body is the file's beginning; the address says the rest of what is to be known of it."""
    case = case_or_404(case_id)
    try:
        parcel = _parcel(case.id)
        found = deliveries.begin(wiring.post(), current_actor(), parcel, request.get_data(cache=False),
                                 spending.take_upload)
    except DeliveryRefused as problem:
        return _refusal(problem)
    return jsonify(_told(found)), 200 if found.resumed else 201


@bp.post("/deliveries/<id:delivery_id>/pieces")
@signed_in
def delivery_piece(delivery_id: int) -> tuple[Response, int]:
    """The body is what stands in the file from `offset` on."""
    bodies.allow(CHUNK_BYTES)
    try:
        offset = request.args.get("offset", -1, type=int)
        found = deliveries.receive(wiring.post(), current_actor(), delivery_id, offset, request.get_data(cache=False))
    except NotFound:
        abort(404)
    except WrongOffset as problem:
        return jsonify(received=problem.received, code="wrong-offset", reason=str(problem)), 409
    except DeliveryRefused as problem:
        return _refusal(problem)
    return jsonify(_told(found)), 200


@bp.post("/deliveries/<id:delivery_id>/drop")
@signed_in
def delivery_drop(delivery_id: int) -> AnyResponse:
    try:
        case_id = deliveries.drop(wiring.post(), current_actor(), delivery_id)
    except NotFound:
        abort(404)
    flash("Dropped: what had been sent of it is deleted.", "info")
    return redirect(url_for("cases.case_view", case_id=case_id), 303)


@bp.post("/cases/<id:case_id>/folder")
@signed_in
def folder_take_in(case_id: int) -> AnyResponse:
    case = case_or_404(case_id)
    name = request.form.get("file", "")
    try:
        folder.take_in(wiring.settings(), wiring.carrier(), current_actor(), case.id, name,
                       sure=request.form.get("sure") == name)
    except NotFound:
        flash("This file is being taken in already, or is no longer in the import folder.", "info")
    except DoubtfulName as problem:
        flash(ASK.format(why=problem), "warning")
    except PixelSizeProblem as problem:
        flash(str(problem), "danger")
    else:
        flash("The slide is being taken in. The file stays in the import folder.", "success")
    return redirect(url_for("cases.case_view", case_id=case.id), 303)


def _parcel(case_id: int) -> Parcel:
    said = request.args
    model = said.get("model", "")
    form = UploadForm(said, meta={"csrf": False})
    sized = form.um_per_px.validate(form)
    if not sized:
        raise DeliveryRefused("pixel-size", " ".join(form.um_per_px.errors))
    return Parcel(case_id=case_id, name=said.get("name", "").rsplit("/", 1)[-1][:NAME_LENGTH],
                  size=said.get("size", 0, type=int), um_per_px=form.um_per_px.data,
                  model=model if model in {spec.key for spec in wiring.engine().specs()} else "")


def _told(found: Arrival) -> dict[str, object]:
    return {"delivery": found.id, "received": found.received, "size": found.size, "job": found.job,
            "piece": CHUNK_BYTES,
            "pieces": url_for("deliveries.delivery_piece", delivery_id=found.id)}


def _refusal(problem: DeliveryRefused) -> tuple[Response, int]:
    return jsonify(reason=str(problem), code=problem.code), STATUS_BY_CODE.get(problem.code, UNREADABLE)
