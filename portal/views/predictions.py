"""One result, its heat map, and what a reader says of it."""

from __future__ import annotations

from flask import Blueprint, Response, abort, flash, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal.forms.predictions import ReviewForm
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
    try:
        picture = results.draw_layer(prediction_id, current_user.id)
    except NotFound:
        abort(404)
    return kept_private(Response(picture, mimetype="image/png"))


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
                                  form.verdict.data, form.label.data or "", form.reason.data)
        except BadReview as problem:
            form.form_errors.append(str(problem))
        else:
            flash("Review saved.", "success")
            return redirect(url_for("predictions.prediction_view", prediction_id=prediction_id), 303)
    return render_template("predictions/review.html", result=result, form=form), 400


def _form(result: Result) -> ReviewForm:
    return ReviewForm().offer(result.labels, scored=result.outcome == "scored")


def _result_or_404(prediction_id: int) -> Result:
    try:
        return results.get_result(wiring.engine(), prediction_id, current_user.id)
    except NotFound:
        abort(404)
