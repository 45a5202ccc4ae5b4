"""Cases: open one, look at one, find one again."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from models.spec import ModelSpec
from portal.forms.cases import CaseFilterForm, CaseForm, UploadForm
from portal.forms.reports import SignForm
from portal.forms.sharing import ShareForm
from portal.services import blind, cases, offers, sharing
from portal.services.errors import NotFound
from portal.services.exports import history
from portal.services.reports import signing
from portal.storage.cases import CaseFilter
from portal.storage.tables import Case
from portal.views import wiring
from portal.views.guards import signed_in
from portal.views.sessions import current_actor

bp = Blueprint("cases", __name__, url_prefix="/cases")

FORMATS = ("JPEG", "PNG", "TIFF", "WebP", "BMP")


@dataclass(frozen=True, kw_only=True)
class UploadLimits:
    """What the upload form says before anything is sent."""

    megabytes: int
    megapixels: int
    files: int
    formats: tuple[str, ...]


@bp.get("")
@signed_in
def case_list() -> str:
    form = _filters()
    page = cases.list_cases(current_user.id, _wanted(form), wiring.page_number())
    return render_template("cases/case_list.html", form=form, page=page,
                           answers=history.count_at_most(current_user.id))


@bp.get("/new")
@signed_in
def case_create_form() -> str:
    policy = blind.policy()
    return render_template("cases/case_create.html", form=CaseForm(data={"blind": policy != "off"}), policy=policy)


@bp.post("/new")
@signed_in
def case_create() -> Response | tuple[str, int]:
    form = CaseForm()
    if not form.validate():
        return render_template("cases/case_create.html", form=form, policy=blind.policy()), 400
    case_id = cases.create_case(current_actor(), current_user.id, form.patient.data, form.specimen.data,
                                form.note.data, form.wants_blind)
    return redirect(url_for("cases.case_view", case_id=case_id), 303)


@bp.get("/<id:case_id>")
@signed_in
def case_view(case_id: int) -> str:
    return show_case(case_or_404(case_id), UploadForm())


def show_case(case: Case, form: UploadForm, share: ShareForm | None = None) -> str:
    """The case with its images and the upload form; the model of its newest answer is chosen there."""
    images = cases.list_images(wiring.engine(), case, current_user.id)
    systems = offers.list_offered(wiring.engine())
    latest = next((line.model for image in images for line in reversed(image.predictions)), "")
    form.offer([(spec.key, _title(spec)) for spec in systems], latest or wiring.settings().default_model)
    shared = sharing.describe(case, current_user.id)
    return render_template("cases/case_view.html", case=case, form=form, limits=_upload_limits(), systems=systems,
                           images=images, sharing=shared, share=share or ShareForm().offer(shared.colleagues),
                           sign_form=SignForm(formdata=None), sign_open=False,
                           report=signing.describe(wiring.engine(), case, current_user.id))


def case_or_404(case_id: int) -> Case:
    """The reader's own case; somebody else's does not exist."""
    try:
        return cases.get_case(case_id, current_user.id)
    except NotFound:
        abort(404)


def _filters() -> CaseFilterForm:
    form = CaseFilterForm(request.args).offer((spec.key, spec.title) for spec in wiring.engine().specs())
    form.validate()
    return form


def _wanted(form: CaseFilterForm) -> CaseFilter:
    """What the filters say; one that makes no sense asks for everything, and its error stands beside it."""
    return CaseFilter(text=form.q.data, since=form.since.data, until=None if form.until.errors else form.until.data,
                      outcome="" if form.outcome.errors else form.outcome.data,
                      model="" if form.model.errors else form.model.data,
                      reviewed={"yes": True, "no": False}.get(form.reviewed.data))


def _title(spec: ModelSpec) -> str:
    return f"Demonstration: {spec.title}" if spec.demonstration else spec.title


def _upload_limits() -> UploadLimits:
    settings = wiring.settings()
    return UploadLimits(megabytes=settings.max_image_bytes // 10**6,
                        megapixels=settings.max_image_pixels // 10**6, files=settings.max_upload_files,
                        formats=FORMATS)


def wanted_cases() -> CaseFilter:
    """What the address asks of the history."""
    return _wanted(_filters())
