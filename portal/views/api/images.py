"""Images: the pages' own upload and file, asked for with a token."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response
from marshmallow import fields

from portal.views import bodies, images
from portal.views.api import problems
from portal.views.api.document import bp, fails
from portal.views.api.guard import token_required
from portal.views.api.shapes import Said, Told

UPLOAD = {"required": True, "content": {"multipart/form-data": {"schema": {
    "type": "object", "required": ["model", "images"], "properties": {
        "model": {"type": "string", "description": "The key of an installed model."},
        "um_per_px": {"type": "number", "minimum": 0.01, "maximum": 100,
                      "description": "Side of a pixel in µm; some models need it for large images."},
        "images": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}}}}}}


class Verdict(Said):
    file = fields.String()
    outcome = fields.String(metadata={"description": "scored, refused, error, hidden in a case read blind, or arrived: "
                                                     "a slide, which a job takes in."})
    scores = fields.Dict()
    ms = fields.Float(allow_none=True)
    image = fields.Integer(allow_none=True)
    prediction = fields.Integer(allow_none=True)
    existing = fields.Boolean(metadata={"description": "The same bytes were in this case already."})
    code = fields.String(metadata={"description": "Why it was not readable, in a word."})
    summary = fields.String()
    url = fields.String(allow_none=True, metadata={"description": "The page of the result."})


class Verdicts(Told):
    files = fields.List(fields.Nested(Verdict))


@bp.post("/cases/<id:case_id>/images")
@token_required
@fails(404, 413, 415, 422, 503, 507)
@bp.alt_response(200, schema=Verdicts, description="Several files, each with its verdict, or one that was there.")
@bp.response(201, Verdicts, description="One image, read and kept.")
@bp.doc(requestBody=UPLOAD)
def image_create(case_id: int) -> Response:
    """Send one image or several and have a model read them.

    A single file that cannot be read answers with a failure that carries its verdict; of several, each verdict says
    what became of its file. The same bytes again in the same case answer with the record that is there.
    """
    bodies.allow_images()
    answer = make_response(images.image_upload(case_id))
    if answer.status_code < 400:
        return answer
    said: dict[str, Any] = answer.get_json()
    if not said["files"]:
        return problems.tell(422, said["reason"])
    return problems.tell(answer.status_code, said["files"][0]["reason"], files=said["files"])


@bp.get("/images/<id:image_id>/file")
@token_required
@fails(404)
@bp.response(200, {"type": "string", "format": "binary"}, content_type="image/*")
def image_file(image_id: int) -> Response:
    """The image as it was kept: without metadata."""
    return make_response(images.image_file(image_id))
