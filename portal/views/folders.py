"""Images that lie in the import folder, taken into a case."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, url_for
from werkzeug.wrappers import Response

from portal.forms.cases import FolderForm, UploadForm
from portal.services import offers
from portal.services.errors import NotFound
from portal.services.jobs import queue
from portal.services.jobs.kinds import folder_import
from portal.views import wiring
from portal.views.cases import case_or_404, offer_folders, show_case
from portal.views.guards import signed_in
from portal.views.sessions import current_actor

bp = Blueprint("folders", __name__)
ASK = ("{names} of the names of this folder and its images may tell who the patient is. {why} Readers of the case see "
       "these names. Rename them there, or send the form once more if they tell nobody who the patient is.")


@bp.get("/cases/<id:case_id>/folder-images")
@signed_in
def folder_form(case_id: int) -> str:
    """The form on its case's page, for who reloads what a refused one had shown."""
    form = offer_folders(FolderForm(), case_id, offers.list_offered(wiring.engine()))
    return show_case(case_or_404(case_id), UploadForm(formdata=None), folder_form=form)


@bp.post("/cases/<id:case_id>/folder-images")
@signed_in
def folder_take_in(case_id: int) -> Response | tuple[str, int]:
    case = case_or_404(case_id)
    form = offer_folders(FolderForm(), case_id, offers.list_offered(wiring.engine()))
    if not form.validate():
        return show_case(case, UploadForm(formdata=None), folder_form=form), 400
    doubts, names = folder_import.doubts_about(wiring.settings(), case_id, form.folder.data)
    if doubts and form.sure.data != form.folder.data:
        # Asked once, about this folder.
        form.sure.data = form.folder.data
        form.folder.errors = [ASK.format(names=names, why=" ".join(one.message for one in doubts))]
        return show_case(case, UploadForm(formdata=None), folder_form=form), 422
    try:
        order = folder_import.order(wiring.settings(), case_id, form.folder.data, form.system.data, form.pixel.data)
    except NotFound:
        abort(404)
    return redirect(url_for("jobs.job_view", job_id=queue.submit(wiring.carrier(), current_actor(), order)), 303)
