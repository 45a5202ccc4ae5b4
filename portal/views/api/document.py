"""The blueprint of the API and its OpenAPI document, which flask-smorest writes from the views and their schemas."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, jsonify
from flask_smorest import Api
from flask_smorest import Blueprint as SmorestBlueprint
from marshmallow import RAISE, Schema, fields
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from portal.extensions import csrf
from portal.views import images
from portal.views.api import problems
from portal.views.guards import anyone

NAME = "api"
STATED = {401: "No token, or one that lets nobody in.",
          429: "Too many tokens that let nobody in, or as much was sent or taken away within this hour as may be."}


class Parser(FlaskParser):
    """Reads arguments; what is not declared is refused, so that a mistyped filter does not ask for everything."""

    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012  (as its base class has it)
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": RAISE}

    def load_json(self, req: Any, schema: Any) -> Any:
        if not req.is_json:
            raise UnsupportedMediaType
        try:
            return super().load_json(req, schema)
        except (RecursionError, ValueError) as problem:  # brackets in brackets, or a number of thousands of digits
            raise BadRequest from problem


class Blueprint(SmorestBlueprint):
    """What the views of the API hang on."""

    ARGUMENTS_PARSER = Parser()


class Problem(Schema):
    """RFC 9457. `request_id` is what an administrator finds in the log."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    request_id = fields.String(required=True)
    errors = fields.Dict(metadata={"description": "Of 422: what is wrong, by place and field."})
    files = fields.List(fields.Dict(), metadata={"description": "Of an upload of one file: its verdict."})


class Document(Api):
    """Failures are told by `problems`, here as everywhere below the API."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """The portal has its own."""

    def _register_responses(self) -> None:
        for status in problems.DETAILS:
            self.spec.components.response(_name(status), {
                "description": STATED.get(status, problems.DETAILS[status]),
                "content": {problems.CONTENT_TYPE: {"schema": Problem}}}, lazy=True)


bp = Blueprint(NAME, __name__, url_prefix="/api/v1", description="What the pages do, for programs.")
bp.teardown_request(images.close_uploads)
csrf.exempt(bp)


@bp.get("/openapi.json")
@bp.doc(security=[])
@bp.response(200, {"type": "object"})
@anyone
def document() -> Response:
    """This document. It says nothing of anybody, so it needs no token."""
    return jsonify(current_app.extensions[NAME].spec.to_dict())


def fails(*statuses: int) -> Any:
    """Decorator: the failures of a view that needs a token, those of the token itself among them."""

    def decorate(view: Any) -> Any:
        for status in (401, 429, *statuses):
            view = bp.alt_response(status, _name(status))(view)
        return view

    return decorate


def _name(status: int) -> str:
    return f"Problem{status}"
