"""One result, its heat map, and what a reader says of it."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal.forms.predictions import ReviewForm, make_review_form
from portal.services import results, reviews
from portal.services.errors import BadReview, NotFound
from portal.services.results import Result
from portal.views import wiring
from portal.views.guards import signed_in
from portal.views.headers import kept_private
from portal.views.sessions import current_actor

bp = Blueprint("predictions", __name__, url_prefix="/predictions/<id:prediction_id>")


@bp.get("")
@signed_in
def prediction_view(prediction_id: int) -> str:
    result = _result_or_404(prediction_id)
    return render_template("predictions/prediction_view.html", result=result, form=_form(result))


@bp.get("/heatmap.png")
@signed_in
def prediction_heatmap(prediction_id: int) -> Response:
    return _png(lambda: results.draw_layer(prediction_id, current_user.id))


@bp.get("/layers/<name>.png")
@signed_in
def prediction_layer(prediction_id: int, name: str) -> Response:
    return _png(lambda: results.draw_layer(prediction_id, current_user.id, name))


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
    answer = Response(b"" if held else results.draw_region(wiring.files(), image, region), mimetype="image/png")
    answer.set_etag(tag)
    return kept_private(answer)


@bp.get("/review")
@signed_in
def review_form(prediction_id: int) -> str:
    result = _result_or_404(prediction_id)
    return render_template("predictions/review.html", result=result, form=_form(result))


@bp.post("/review")
@signed_in
def review_create(prediction_id: int) -> AnyResponse | tuple[str, int]:
    result = _result_or_404(prediction_id)
    form = _form(result)
    if form.validate():
        try:
            reviews.create_review(wiring.engine(), current_actor(), current_user.id, prediction_id,
                                  form.verdict.data, form.label.data or "", form.reason.data, form.scores)
        except BadReview as problem:
            form.form_errors.append(str(problem))
        else:
            flash("Review saved.", "success")
            return redirect(url_for("predictions.prediction_view", prediction_id=prediction_id), 303)
    return render_template("predictions/review.html", result=result, form=form), 400


def _png(draw: Callable[[], bytes]) -> Response:
    try:
        return kept_private(Response(draw(), mimetype="image/png"))
    except NotFound:
        abort(404)


def _form(result: Result) -> ReviewForm:
    sheet = result.sheet
    return make_review_form(sheet.labels, sheet.numbers, sheet.choices, may_agree=result.may_agree,
                            known=result.numbers)


def _result_or_404(prediction_id: int) -> Result:
    try:
        return results.get_result(wiring.engine(), prediction_id, current_user.id)
    except NotFound:
        abort(404)
