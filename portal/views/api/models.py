"""The catalogue of models."""

from __future__ import annotations

from marshmallow import fields, validate

from portal.services import offers
from portal.services.offers import ABSENT, CHOSEN, INSTALLED, CatalogueRow
from portal.views import wiring
from portal.views.api import problems
from portal.views.api.document import bp, fails
from portal.views.api.guard import token_required
from portal.views.api.shapes import Told, Whether


class ModelLabel(Told):
    name = fields.String()
    meaning = fields.String()


class ModelMeasure(Told):
    key = fields.String()
    title = fields.String()
    unit = fields.String()
    most = fields.Float(allow_none=True)
    step = fields.Float(metadata={"description": "In which a reader scores it by hand; 0 where it only follows."})
    meaning = fields.String()


class ModelQuestion(Told):
    key = fields.String()
    title = fields.String()
    options = fields.List(fields.String())


class ModelRow(Told):
    key = fields.String(attribute="spec.key")
    version = fields.String(attribute="spec.version")
    title = fields.String(attribute="spec.title")
    state = fields.String(validate=validate.OneOf((CHOSEN, INSTALLED, ABSENT)))
    measured = fields.String(metadata={"description": "The headline of its card, with its interval."})
    demonstration = Whether(attribute="spec.demonstration", dump_only=True)
    demonstration_note = fields.String(attribute="spec.demonstration")


class ModelList(Told):
    models = fields.List(fields.Nested(ModelRow))


class Model(ModelRow):
    summary = fields.String(attribute="spec.summary")
    accepts = fields.String(attribute="spec.accepts")
    labels = fields.List(fields.Nested(ModelLabel), attribute="spec.labels")
    measures = fields.List(fields.Nested(ModelMeasure), attribute="spec.measures")
    questions = fields.List(fields.Nested(ModelQuestion), attribute="spec.questions")
    calibrated = fields.Boolean(attribute="spec.calibrated")
    preprocessing = fields.String(attribute="spec.preprocessing")
    weights_sha256 = fields.String(attribute="spec.weights_sha256")
    limits = fields.List(fields.String(), attribute="spec.limits")
    notice = fields.String(attribute="spec.notice")
    licence = fields.String(attribute="spec.licence")
    source = fields.String(attribute="spec.source")
    training_data = fields.String(attribute="spec.training_data")


@bp.get("/models")
@token_required
@fails()
@bp.response(200, ModelList)
def model_list() -> dict[str, list[CatalogueRow]]:
    """Every model: what an upload may name, and what is not installed."""
    return {"models": _rows()}


@bp.get("/models/<key>")
@token_required
@fails(404)
@bp.response(200, Model)
def model_view(key: str) -> CatalogueRow:
    """One model with its labels, measures and limits."""
    row = next((one for one in _rows() if one.spec.key == key), None)
    if row is None:
        problems.refuse(404, "There is no such model.")
    return row


def _rows() -> list[CatalogueRow]:
    engine = wiring.engine()
    return offers.list_catalogue(engine, offers.list_offered(engine))
