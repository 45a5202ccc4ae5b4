"""One result, its heat map, and what a reader says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from flask import Blueprint, Response, abort, flash, jsonify, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from models.imaging.heat import LONGEST_SIDE
from portal.forms.predictions import ReviewForm, make_review_form
from portal.services import cases, drafts, recounts, results, reviews
from portal.services.drafts import Draft
from portal.services.errors import BadDraft, BadReview, NotFound
from portal.services.results import Result
from portal.views import carried, wiring
from portal.views.filters import colour
from portal.views.guards import signed_in
from portal.views.headers import kept_private
from portal.views.sessions import current_actor
from portal.views.slides import viewer_of

NOT_YOURS = "This page was opened with another login. Reload it to go on."

bp = Blueprint("predictions", __name__, url_prefix="/predictions/<id:prediction_id>")


@bp.get("")
@signed_in
def prediction_view(prediction_id: int) -> str:
    return _show("predictions/prediction_view.html", prediction_id)


@bp.get("/heatmap.png")
@signed_in
def prediction_heatmap(prediction_id: int) -> Response:
    return _png(lambda: results.draw_layer(prediction_id, current_user.id))


@bp.get("/layers/<name>.png")
@signed_in
def prediction_layer(prediction_id: int, name: str) -> Response:
    side = max(1, request.args.get("side", LONGEST_SIDE, type=int))
    return _png(lambda: results.draw_layer(prediction_id, current_user.id, name, side))


@bp.get("/regions/<id:number>.png")
@signed_in
def prediction_region(prediction_id: int, number: int) -> Response:
    try:
        image, region = results.find_region(prediction_id, current_user.id, number)
    except NotFound:
        abort(404)
    # A prediction never changes: a browser that holds its region costs no second decoding.
    tag = f"{image.sha256}-{prediction_id}-{number}"
    held = tag in request.if_none_match
    drawn = b"" if held else results.draw_region(wiring.slides(), wiring.files(), image, region)
    answer = Response(drawn, mimetype="image/png")
    answer.set_etag(tag)
    return kept_private(answer)


@bp.get("/review")
@signed_in
def review_form(prediction_id: int) -> str:
    return _show("predictions/review.html", prediction_id)


@bp.post("/review")
@signed_in
def review_create(prediction_id: int) -> AnyResponse | tuple[str, int]:
    result = _result_or_404(prediction_id)
    form = _form(result)
    if form.validate():
        try:
            reviews.create_review(wiring.engine(), current_actor(), current_user.id, prediction_id,
                                  form.verdict.data, form.label.data or "", form.reason.data, form.scores,
                                  form.corrections.data or ())
        except BadReview as problem:
            form.form_errors.append(str(problem))
        else:
            flash("Review saved.", "success")
            return redirect(url_for("predictions.prediction_view", prediction_id=prediction_id), 303)
    return render_template("predictions/review.html", result=result, form=form, draft=None, **_viewer(result)), 400


@bp.post("/review/draft")
@signed_in
def draft_save(prediction_id: int) -> tuple[Response, int]:
    sent = request.get_json(silent=True)
    typed = sent if isinstance(sent, dict) else {}
    ticket = carried.read_ticket(str(typed.get("ticket", "")), prediction_id)
    if ticket is None or ticket.reader_id != current_user.id:
        return jsonify(reason=NOT_YOURS), 409
    try:
        saved_at = drafts.save_draft(current_user.id, prediction_id, typed, ticket.readings)
    except NotFound:
        abort(404)
    except BadDraft as problem:
        return jsonify(reason=str(problem)), 409
    return jsonify(saved_at=f"{saved_at.isoformat()}Z"), 200


@bp.post("/review/draft/discard")
@signed_in
def draft_discard(prediction_id: int) -> AnyResponse:
    try:
        drafts.discard_draft(current_user.id, prediction_id)
    except NotFound:
        abort(404)
    flash("The draft is gone.", "info")
    return redirect(url_for("predictions.prediction_view", prediction_id=prediction_id), 303)


@bp.get("/nuclei.json")
@signed_in
def prediction_nuclei(prediction_id: int) -> Response:
    try:
        marks = recounts.get_marks(wiring.engine(), prediction_id, current_user.id)
    except NotFound:
        abort(404)
    places = {one.label: place for place, one in enumerate(marks.recount.classes)}
    return jsonify(classes=[{"name": one.label, "colour": colour(one.colour)} for one in marks.recount.classes],
                   nuclei=[[one.x, one.y, places[one.label]] for one in marks.nuclei])


@bp.post("/recount")
@signed_in
def prediction_recount(prediction_id: int) -> tuple[Response, int]:
    sent = request.get_json(silent=True)
    given = sent.get("corrections") if isinstance(sent, dict) else None
    try:
        found = recounts.recount(wiring.engine(), prediction_id, current_user.id,
                                 given if isinstance(given, list) else ())
    except NotFound:
        abort(404)
    except BadReview as problem:
        return jsonify(reason=str(problem)), 422
    return jsonify(asdict(found)), 200


def _png(draw: Callable[[], bytes]) -> Response:
    try:
        return kept_private(Response(draw(), mimetype="image/png"))
    except NotFound:
        abort(404)


def _show(template: str, prediction_id: int) -> str:
    """The page with the draft in its form, unless the form comes back with what was just sent."""
    result = _result_or_404(prediction_id)
    draft = None if request.method == "POST" else drafts.find_draft(current_user.id, prediction_id)
    return render_template(template, result=result, form=_form(result, draft), draft=draft, **_viewer(result))


def _viewer(result: Result) -> dict[str, object]:
    """What the viewer of a slide needs; nothing for an image."""
    if result.kind != "slide":
        return {}
    return viewer_of(cases.get_image(result.image_id, current_user.id), result.id)


def _form(result: Result, draft: Draft | None = None) -> ReviewForm:
    sheet, typed = result.sheet, draft.content if draft else None
    if typed and not result.recount:
        typed = {**typed, "corrections": ""}
    if request.method == "POST" and carried.is_anothers_form(result.id):
        typed = {}
    form = make_review_form(sheet.labels, sheet.numbers, sheet.choices, may_agree=result.may_agree,
                            known=result.numbers, typed=typed)
    form.ticket.data = carried.seal_ticket(result.id, result.readings)
    return form


def _result_or_404(prediction_id: int) -> Result:
    try:
        return results.get_result(wiring.engine(), prediction_id, current_user.id)
    except NotFound:
        abort(404)
