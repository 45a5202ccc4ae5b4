"""Reviews: what readers said of a prediction."""

from __future__ import annotations

from typing import Any

from flask_login import current_user
from marshmallow import fields, validate

from portal.forms.predictions import BY_HAND, VERDICTS, ReviewForm
from portal.services import answers, results, reviews
from portal.services.answers import GivenReview
from portal.services.errors import BadReview, NotFound
from portal.views import wiring
from portal.views.api import problems
from portal.views.api.document import bp, fails
from portal.views.api.guard import token_required
from portal.views.api.shapes import Moment, Plain, Sent, Text, Told, from_form
from portal.views.sessions import current_actor

WORDS = tuple(dict.fromkeys(choice.value for choice in (*VERDICTS, *BY_HAND)))


class Review(Told):
    id = fields.Integer()
    reader = fields.String()
    mine = fields.Boolean()
    verdict = fields.String(validate=validate.OneOf(WORDS))
    label = fields.String(allow_none=True)
    scores = fields.Dict()
    reason = fields.String()
    blind = fields.Boolean(metadata={"description": "Given before its reader had seen what the model says."})
    created_at = Moment()


class ReviewList(Told):
    reviews = fields.List(fields.Nested(Review))


class NewReview(Sent):
    verdict = Text(required=True, validate=validate.OneOf(WORDS))
    label = Text(load_default="", validate=validate.Length(max=64))
    reason = from_form(ReviewForm.reason, load_default="")
    scores = fields.Dict(keys=Text(), values=Plain(metadata={"type": ["number", "string"]}), load_default=dict)


@bp.get("/predictions/<id:prediction_id>/reviews")
@token_required
@fails(404)
@bp.response(200, ReviewList)
def review_list(prediction_id: int) -> dict[str, tuple[GivenReview, ...]]:
    """What readers said, oldest first; in a case that is read blind nothing before your own reading."""
    return {"reviews": _reviews_or_404(prediction_id)}


@bp.post("/predictions/<id:prediction_id>/reviews")
@token_required
@fails(400, 404, 405, 413, 415, 422)
@bp.arguments(NewReview)
@bp.response(201, Review)
def review_create(sent: dict[str, Any], prediction_id: int) -> GivenReview:
    """Add your reading. Earlier ones stay; the latest counts.

    `override` takes a `label`, or the `scores` of a system that is scored by hand, and a `reason` where the model had
    answered; which labels and scores there are, the model says (`step` above 0, and questions).
    """
    _reviews_or_404(prediction_id)
    result = results.get_result(wiring.engine(), prediction_id, current_user.id)
    asked_for = {*(one.key for one in result.sheet.numbers), *(one.key for one in result.sheet.choices)}
    strange = sorted(set(sent["scores"]) - asked_for)
    if strange:
        problems.refuse(422, f"There is no score “{strange[0][:80]}” to give by hand.")
    try:
        reviews.create_review(wiring.engine(), current_actor(), current_user.id, prediction_id, **sent)
    except BadReview as problem:
        problems.refuse(422, str(problem))
    return next(one for one in reversed(_reviews_or_404(prediction_id)) if one.mine)


def _reviews_or_404(prediction_id: int) -> tuple[GivenReview, ...]:
    try:
        return answers.list_reviews(prediction_id, current_user.id)
    except NotFound:
        problems.refuse(404, "")
