"""Cases: open one, look at one, find one again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import Blueprint, abort, jsonify, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from models.spec import ModelSpec
from portal.forms.cases import CaseFilterForm, CaseForm, FolderForm, UploadForm
from portal.forms.reports import SignForm
from portal.forms.sharing import ShareForm
from portal.services import blind, cases, deletions, offers, pseudonyms, sharing
from portal.services.errors import BadPseudonym, NotFound
from portal.services.exports import history
from portal.services.jobs import queue
from portal.services.jobs.kinds import report
from portal.services.reports import signing
from portal.services.slides import arrivals
from portal.services.slides.recognise import NAMES
from portal.storage import import_folder
from portal.storage.cases import CaseFilter
from portal.storage.tables.cases import Case
from portal.views import wiring
from portal.views.guards import signed_in
from portal.views.sessions import current_actor
from portal.views.watching import watch_address

bp = Blueprint("cases", __name__, url_prefix="/cases")

FORMATS = ("JPEG", "PNG", "TIFF", "WebP", "BMP")


@dataclass(frozen=True, kw_only=True)
class UploadLimits:
    """What the upload form says before anything is sent."""

    megabytes: int
    megapixels: int
    files: int
    formats: tuple[str, ...]
    gigabytes: int
    slide_names: tuple[str, ...]


@bp.get("")
@signed_in
def case_list() -> str:
    form = _filters()
    wanted = _wanted(form)
    page = cases.list_cases(current_user.id, wanted, wiring.page_number())
    extent = history.measure(current_user.id, whole=wanted == CaseFilter()) if page.items else history.NOTHING
    return render_template("cases/case_list.html", form=form, page=page, extent=extent)


@bp.get("/new")
@signed_in
def case_create_form() -> str:
    policy = blind.policy()
    return render_template("cases/case_create.html", form=CaseForm(data={"blind": policy != "off"}), policy=policy,
                           doubts=())


@bp.post("/new")
@signed_in
def case_create() -> Response | tuple[str, int]:
    form = CaseForm()
    if not form.validate():
        return _ask_again(form), 400
    doubts = pseudonyms.doubts_about(form.patient.data)
    if doubts and form.sure.data != form.patient.data:
        # Asked once, about this text: the second sending says that it was meant.
        form.sure.data = form.patient.data
        return _ask_again(form, doubts), 422
    try:
        case_id = cases.create_case(current_actor(), current_user.id, form.patient.data, form.specimen.data,
                                    form.note.data, form.wants_blind)
    except BadPseudonym as problem:
        form.patient.errors = [str(problem)]
        return _ask_again(form), 400
    return redirect(url_for("cases.case_view", case_id=case_id), 303)


@bp.post("/pseudonym")
@signed_in
def pseudonym_check() -> Response:
    """What a pseudonym that is being typed looks like; kept nowhere."""
    text = request.form.get("patient", "")[:80].strip()
    return jsonify(warnings=[one.message for one in pseudonyms.doubts_about(text)])


def _ask_again(form: CaseForm, doubts: tuple[pseudonyms.Doubt, ...] = ()) -> str:
    return render_template("cases/case_create.html", form=form, policy=blind.policy(), doubts=doubts)


@bp.get("/<id:case_id>")
@signed_in
def case_view(case_id: int) -> str:
    return show_case(case_or_404(case_id), UploadForm())


@bp.get("/<id:case_id>/jobs")
@signed_in
def case_jobs(case_id: int) -> str:
    """What the case page shows of its jobs, for that page to ask again and for a browser without scripts."""
    case = case_or_404(case_id)
    return render_template("cases/case_jobs.html", case=case, **_jobs_of(case_id))


def show_case(case: Case, form: UploadForm, share: ShareForm | None = None,
              folder_form: FolderForm | None = None) -> str:
    """The case with its images and the upload form; the model of its newest answer is chosen there."""
    loaded = cases.load_images(case)
    images = cases.list_cards(wiring.engine(), case, loaded, current_user.id)
    systems = offers.list_offered(wiring.engine())
    latest = next((line.model for image in images for line in reversed(image.predictions)), "")
    form.offer([(spec.key, _title(spec)) for spec in systems], latest or wiring.settings().default_model)
    shared = sharing.describe(case, current_user.id)
    return render_template("cases/case_view.html", case=case, form=form, limits=_upload_limits(), systems=systems,
                           images=images, sharing=shared, share=share or ShareForm().offer(shared.colleagues),
                           arrivals=arrivals.describe(wiring.settings(), case, current_user.id),
                           sign_form=SignForm(formdata=None), sign_open=False,
                           many=report.MANY_IMAGES, deletion=deletions.find_open(case.id),
                           report=signing.describe(wiring.engine(), case, loaded, current_user.id),
                           folder_form=folder_form or offer_folders(FolderForm(formdata=None), case.id, systems),
                           **_jobs_of(case.id))


def offer_folders(form: FolderForm, case_id: int, systems: Iterable[ModelSpec]) -> FolderForm:
    """The form with the case's folders in the import folder; with no folder to choose where there is none."""
    settings = wiring.settings()
    return form.offer(import_folder.list_folders(settings.import_folder, case_id),
                      [(spec.key, _title(spec)) for spec in systems], settings.default_model)


def _jobs_of(case_id: int) -> dict[str, object]:
    lines = queue.list_of_case(case_id)
    return {"jobs": lines, "watch": watch_address(lines, "cases.case_jobs", case_id=case_id)}


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
                        formats=FORMATS, gigabytes=settings.max_slide_bytes // 10**9, slide_names=NAMES)


def wanted_cases() -> CaseFilter:
    """What the address asks of the history."""
    return _wanted(_filters())
