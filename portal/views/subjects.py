"""One pseudonym: what is held about it, as a ZIP, and its deletion."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.forms.subjects import SubjectDeletionForm, SubjectForm
from portal.services import subjects
from portal.services.deletions import Person
from portal.services.errors import NotDeleted, NotFound, StillVeiled
from portal.services.jobs.kinds.pseudonym_export import VEILED
from portal.views import spending, wiring
from portal.views.guards import administrator, proven
from portal.views.sessions import current_actor

bp = Blueprint("subjects", __name__, url_prefix="/admin/pseudonym")
NONE_FOUND = "There is no case of exactly this pseudonym."


@bp.get("")
@administrator
def subject_form() -> str:
    return render_template("admin/subject.html", form=SubjectForm(formdata=None), deletion=None, cases=None)


@bp.post("")
@administrator
def subject_find() -> str | tuple[str, int]:
    form = SubjectForm()
    if not form.validate():
        return render_template("admin/subject.html", form=form, deletion=None, cases=None), 400
    return _found(form, SubjectDeletionForm(formdata=None, data={"patient": form.patient.data}))


@bp.post("/export")
@administrator
@proven
def subject_export() -> Response:
    form = SubjectForm()
    spending.take_export()
    try:
        job_id = subjects.order_export(wiring.carrier(), current_actor(), form.patient.data or "")
    except NotFound:
        flash(NONE_FOUND, "error")
    except StillVeiled:
        flash(VEILED, "error")
    else:
        return redirect(url_for("jobs.job_view", job_id=job_id), 303)
    return redirect(url_for("subjects.subject_form"), 303)


@bp.post("/deletion")
@administrator
@proven
def subject_delete() -> Response | tuple[str, int]:
    form = SubjectDeletionForm()
    if form.validate():
        try:
            done = subjects.propose_deletion(current_actor(), Person(id=current_user.id, administers=True),
                                             form.patient.data, form.reason.data)
        except NotFound:
            flash(NONE_FOUND, "error")
            return redirect(url_for("subjects.subject_form"), 303)
        except NotDeleted as problem:
            form.reason.errors = [str(problem)]
        else:
            flash(f"{done} {'case was' if done == 1 else 'cases were'} proposed. Nothing is deleted before somebody "
                  "else confirms it.", "success")
            return redirect(url_for("deletions.deletion_list"), 303)
    return _found(SubjectForm(), form), 400


def _found(form: SubjectForm, deletion: SubjectDeletionForm) -> str:
    return render_template("admin/subject.html", form=form, deletion=deletion,
                           cases=subjects.find(current_actor(), form.patient.data or ""))
