"""The history for programs: the pages' own export, asked for with a token."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response
from marshmallow import fields, validate, validates_schema

from portal.views import exports
from portal.views.api.cases import in_order
from portal.views.api.document import bp, fails
from portal.views.api.guard import token_required
from portal.views.api.shapes import OUTCOMES, Sent


class ExportQuery(Sent):
    """As the history's filters are called; `history_jsonl` reads them from the address itself."""

    q = fields.String(metadata={"description": "Text of patient, specimen, note or file name."})
    since = fields.Date(metadata={"description": "UTC day, inclusive."})
    until = fields.Date(metadata={"description": "UTC day, inclusive."})
    outcome = fields.String(validate=validate.OneOf(OUTCOMES))
    reviews = fields.String(validate=validate.OneOf(("latest", "all")))

    @validates_schema
    def check_days(self, data: dict[str, Any], **_kwargs: Any) -> None:
        in_order(data)


@bp.get("/export.jsonl")
@token_required
@fails(422)
@bp.arguments(ExportQuery, location="query")
@bp.response(200, {"type": "string"}, content_type="application/x-ndjson",
             description="One object per line, sent while it is made.")
def export_jsonl(_wanted: dict[str, Any]) -> Response:
    """Your whole history, filtered like the list of cases: what models said and what readers said of it."""
    return make_response(exports.history_jsonl())
