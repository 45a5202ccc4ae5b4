"""Cases: open one, look at one, find one again."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_login import current_user
from marshmallow import ValidationError, fields, validate, validates_schema
from werkzeug.datastructures import MultiDict

from portal.forms.cases import CaseForm
from portal.services import cases, pseudonyms
from portal.services.cases import ImageCard
from portal.services.errors import BadPseudonym
from portal.storage.cases import CaseFilter
from portal.storage.tables.cases import Case
from portal.views import wiring
from portal.views.api import problems
from portal.views.api.document import bp, fails
from portal.views.api.guard import token_required
from portal.views.api.shapes import OUTCOMES, Moment, Said, Sent, Told, Truth, from_form
from portal.views.cases import case_or_404
from portal.views.sessions import current_actor


class Found(Told):
    text = fields.String()
    demonstration = fields.Boolean()


class CaseLine(Told):
    id = fields.Integer()
    patient = fields.String()
    specimen = fields.String()
    shared_by = fields.String(metadata={"description": "Whose case it is; empty when it is yours."})
    created_at = Moment()
    images = fields.Integer()
    waiting = fields.Integer(metadata={"description": "Predictions that you have not reviewed."})
    unread = fields.Integer(metadata={"description": "Images that no model has read."})
    findings = fields.List(fields.Nested(Found))


class CaseList(Told):
    cases = fields.List(fields.Nested(CaseLine), attribute="items")
    page = fields.Integer(attribute="number")
    pages = fields.Integer(attribute="last")
    total = fields.Integer()
    more = fields.Boolean(metadata={"description": "There are more than `total`; they were not counted."})


class CaseQuery(Sent):
    """`page` past the last one is the last one."""

    q = fields.String(metadata={"description": "Text of patient, specimen, note or file name."})
    since = fields.Date(metadata={"description": "UTC day, inclusive."})
    until = fields.Date(metadata={"description": "UTC day, inclusive."})
    outcome = fields.String(validate=validate.OneOf(OUTCOMES))
    page = fields.Integer(load_default=1, validate=validate.Range(1, wiring.LARGEST_PAGE))

    @validates_schema
    def check_days(self, data: dict[str, Any], **_kwargs: Any) -> None:
        in_order(data)


class NewCase(Sent):
    patient = from_form(CaseForm.patient, metadata={"description": "A pseudonym: never a name or a date of birth."})
    specimen = from_form(CaseForm.specimen)
    note = from_form(CaseForm.note, load_default="")
    blind = Truth()


class PredictionOfImage(Said):
    id = fields.Integer()
    score = fields.Float(allow_none=True)
    summary = fields.String()
    demonstration_note = fields.String(attribute="demonstration")


class ImageOfCase(Told):
    id = fields.Integer()
    name = fields.String()
    format = fields.String()
    width = fields.Integer()
    height = fields.Integer()
    size = fields.Integer()
    uploaded_at = Moment()
    predictions = fields.List(fields.Nested(PredictionOfImage))


class CaseWhole(Told):
    id = fields.Integer()
    patient = fields.String()
    specimen = fields.String()
    note = fields.String()
    blind = fields.Boolean()
    created_at = Moment()
    images = fields.List(fields.Nested(ImageOfCase))


class CaseOpened(CaseWhole):
    warnings = fields.List(fields.String(), metadata={
        "description": "What the pseudonym looks like, if it looks like a person; the case was opened all the same."})


@bp.get("/cases")
@token_required
@fails(422)
@bp.arguments(CaseQuery, location="query")
@bp.response(200, CaseList)
def case_list(wanted: dict[str, Any]) -> Any:
    """Your cases and those that are shared with you, newest first."""
    page = wanted.pop("page")
    return cases.list_cases(current_user.id, CaseFilter(text=wanted.pop("q", "").strip(), **wanted), page)


@bp.post("/cases")
@token_required
@fails(400, 413, 415, 422)
@bp.arguments(NewCase)
@bp.response(201, CaseOpened)
def case_create(sent: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Open a case.

    Without `blind` the portal's own rule decides whether models are hidden until the first reading.
    """
    blind = sent.pop("blind", None)
    form = CaseForm(MultiDict(sent), meta={"csrf": False})
    if not form.validate():
        problems.refuse(422, " ".join(text for texts in form.errors.values() for text in texts), errors=form.errors)
    try:
        case_id = cases.create_case(current_actor(), current_user.id, form.patient.data, form.specimen.data,
                                    form.note.data, blind)
    except BadPseudonym as problem:
        problems.refuse(422, str(problem), errors={"patient": [str(problem)]})
    warnings = [one.message for one in pseudonyms.doubts_about(form.patient.data)]
    told = {**_whole(case_or_404(case_id), []), "warnings": warnings}
    return told, 201, {"Location": url_for("api.case_view", case_id=case_id)}


@bp.get("/cases/<id:case_id>")
@token_required
@fails(404)
@bp.response(200, CaseWhole)
def case_view(case_id: int) -> dict[str, Any]:
    """One case with its images and what was said of them."""
    case = case_or_404(case_id)
    return _whole(case, cases.list_cards(wiring.engine(), case, cases.load_images(case), current_user.id))


def in_order(data: dict[str, Any]) -> None:
    """Raises ValidationError when the days contradict each other."""
    if "since" in data and "until" in data and data["until"] < data["since"]:
        raise ValidationError("It lies before “since”.", "until")


def _whole(case: Case, images: list[ImageCard]) -> dict[str, Any]:
    return {"id": case.id, "patient": case.patient, "specimen": case.specimen, "note": case.note,
            "blind": case.blind, "created_at": case.created_at, "images": images}
