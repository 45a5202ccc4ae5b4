"""Predictions: what models said."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response, make_response, url_for
from flask_login import current_user
from marshmallow import fields, validate, validates_schema

from portal.services import answers, results
from portal.services.answers import AnswerPage
from portal.services.blind import HIDDEN
from portal.services.errors import NotFound
from portal.storage.answers import AnswerFilter
from portal.views import predictions, wiring
from portal.views.api import problems
from portal.views.api.cases import in_order
from portal.views.api.document import bp, fails
from portal.views.api.guard import token_required
from portal.views.api.shapes import OUTCOMES, Moment, Said, Sent, Told, identity, truth

MOST, USUAL = 200, 50


class PredictionLine(Said):
    id = fields.Integer()
    case = fields.Integer()
    image = fields.Integer()
    file = fields.String()
    weights_sha256 = fields.String()
    scores = fields.Dict(metadata={"description": "Of a model: numbers, texts, objects of probabilities, or null."})
    ms = fields.Float(allow_none=True)
    reviewed = fields.Boolean(metadata={"description": "By you."})
    created_at = Moment()


class PredictionList(Told):
    predictions = fields.List(fields.Nested(PredictionLine))
    next_cursor = fields.Integer(allow_none=True)


class PredictionQuery(Sent):
    model = fields.String(validate=validate.Length(min=1, max=64))
    outcome = fields.String(validate=validate.OneOf((*OUTCOMES, HIDDEN)))
    since = fields.Date(metadata={"description": "UTC day, inclusive."})
    until = fields.Date(metadata={"description": "UTC day, inclusive."})
    reviewed = truth(metadata={"description": "By you."})
    case_id = identity(data_key="case")
    cursor = identity(metadata={"description": "The `next_cursor` of the page before."})
    limit = fields.Integer(load_default=USUAL, validate=validate.Range(1, MOST))

    @validates_schema
    def check_days(self, data: dict[str, Any], **_kwargs: Any) -> None:
        in_order(data)


class Finding(Told):
    code = fields.String()
    message = fields.String()
    refuses = fields.Boolean()
    value = fields.Float(allow_none=True)
    limit = fields.Float(allow_none=True)


class Swatch(Told):
    label = fields.String()
    colour = fields.List(fields.Integer())


class Layer(Told):
    name = fields.String()
    title = fields.String()
    kind = fields.String(validate=validate.OneOf(("heat", "classes")))
    legend = fields.List(fields.Nested(Swatch))
    url = fields.String()


class Region(Told):
    x = fields.Integer()
    y = fields.Integer()
    width = fields.Integer()
    height = fields.Integer()
    value = fields.Float()
    text = fields.String()


class PredictionWhole(PredictionLine):
    width = fields.Integer()
    height = fields.Integer()
    um_per_px = fields.Float(allow_none=True)
    preprocessing = fields.String()
    findings = fields.List(fields.Nested(Finding))
    notes = fields.List(fields.String())
    layers = fields.List(fields.Nested(Layer))
    regions = fields.List(fields.Nested(Region))
    nuclei = fields.Dict(values=fields.Integer())


@bp.get("/predictions")
@token_required
@fails(422)
@bp.arguments(PredictionQuery, location="query")
@bp.response(200, PredictionList)
def prediction_list(wanted: dict[str, Any]) -> AnswerPage:
    """What models said of images in your cases, newest first.

    In a case that is read blind, what you have not read yourself yet is `hidden`, and no filter finds it as anything
    else.
    """
    cursor, limit = wanted.pop("cursor", None), wanted.pop("limit")
    return answers.list_answers(current_user.id, AnswerFilter(**wanted), cursor, limit)


@bp.get("/predictions/<id:prediction_id>")
@token_required
@fails(404)
@bp.response(200, PredictionWhole)
def prediction_view(prediction_id: int) -> dict[str, Any]:
    """One prediction with its findings, notes, layers, regions and counted nuclei."""
    try:
        answer = answers.get_answer(prediction_id, current_user.id)
        result = results.get_result(wiring.engine(), prediction_id, current_user.id)
    except NotFound:
        problems.refuse(404, "")
    layers = [{**asdict(one), "url": url_for("api.prediction_layer", prediction_id=prediction_id, name=one.name)}
              for one in result.layers]
    return {**asdict(answer), "width": result.width, "height": result.height, "um_per_px": result.um_per_px,
            "preprocessing": result.preprocessing, "findings": result.findings, "notes": result.notes,
            "layers": layers, "regions": result.regions, "nuclei": result.nuclei}


@bp.get("/predictions/<id:prediction_id>/layers/<name>.png")
@token_required
@fails(404)
@bp.response(200, {"type": "string", "format": "binary"}, content_type="image/png")
def prediction_layer(prediction_id: int, name: str) -> Response:
    """A transparent picture at the image's size, to be laid over it."""
    return make_response(predictions.prediction_layer(prediction_id, name))
