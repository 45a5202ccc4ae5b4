"""A case's report on paper, and signing it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal.forms.reports import SignForm
from portal.services import cases
from portal.services.errors import BadLogin, CannotSign, NotFound, ReportDamaged, StillVeiled, TooManyTries
from portal.services.jobs import queue
from portal.services.jobs.kinds import report
from portal.services.reports import documents, signing
from portal.services.reports.documents import Document
from portal.services.reports.pdf.document import SIZES, Paper
from portal.services.reports.signing import Signature
from portal.storage.tables.cases import Case
from portal.storage.tables.columns import now
from portal.views import wiring
from portal.views.cases import case_or_404
from portal.views.errors import answer_with
from portal.views.guards import signed_in
from portal.views.headers import kept_private
from portal.views.sessions import current_actor
from portal.views.slowed import tell_slowed

bp = Blueprint("reports", __name__, url_prefix="/cases/<id:case_id>")

TEMPLATE = "reports/sign.html"
Answer = AnyResponse | str | tuple[str, int] | tuple[str, int, dict[str, str]] | tuple[str | AnyResponse, int]
VEILED = ("Read your own images first", "This case is read blind, and its signed report tells what others and the "
          "model said. Review what waits for you in the case, then open it.")
DAMAGED = ("This report cannot be shown", "It is not what was signed. Tell your administrator: the database may have "
           "been changed by hand.")


@bp.get("/report.pdf")
@signed_in
def report_current(case_id: int) -> Answer:
    return _answer(lambda: documents.current_report(wiring.engine(), wiring.files(), case_id, current_user.id,
                                                    _paper(), now()))


@bp.get("/reports/<id:number>.pdf")
@signed_in
def report_signed(case_id: int, number: int) -> Answer:
    return _answer(lambda: documents.signed_report(wiring.files(), case_id, number, current_user.id, _paper()))


@bp.post("/report")
@signed_in
def report_job(case_id: int) -> AnyResponse:
    """A report of many images, made in the background: the signed one of this number, or what stands now."""
    case_or_404(case_id)
    order = report.order(case_id, request.args.get("number", type=int), _paper())
    return redirect(url_for("jobs.job_view", job_id=queue.submit(wiring.carrier(), current_actor(), order)), 303)


@bp.get("/sign")
@signed_in
def sign_form(case_id: int) -> Answer:
    """The form on a page of its own, for somebody who reloads what a refused signature had shown."""
    form = SignForm()
    return render_template(TEMPLATE, form=form, **_context(case_or_404(case_id), form))


@bp.post("/sign")
@signed_in
def sign(case_id: int) -> Answer:
    case, form = case_or_404(case_id), SignForm()
    if not form.validate():
        return _again(case, form)
    signature = Signature(password=form.password.data, comment=form.comment.data, seen=form.seen.data or "",
                          although_waiting=form.although_waiting.data)
    try:
        number = signing.sign_case(wiring.engine(), wiring.files(), current_actor(), current_user, case_id, signature,
                                   settings=wiring.settings(), at=now())
    except TooManyTries as problem:
        return tell_slowed(TEMPLATE, form, problem, **_context(case_or_404(case_id), form))
    except BadLogin as problem:
        form.password.errors = [str(problem)]
    except CannotSign as problem:
        form.form_errors.append(str(problem))
    else:
        flash(f"Report {number} is signed.", "success")
        return redirect(f"{url_for('cases.case_view', case_id=case_id)}#report", 303)
    return _again(case_or_404(case_id), form)


def _again(case: Case, form: SignForm) -> tuple[str, int]:
    return render_template(TEMPLATE, form=form, **_context(case, form)), 400


def _context(case: Case, form: SignForm) -> dict[str, Any]:
    """The page shows the case as it is now and is signed as that: it says so where the form was sent from another."""
    state = signing.describe(wiring.engine(), case, cases.load_images(case), current_user.id)
    if form.seen.data not in ("", None, state.seen) and signing.SEEN_OTHERWISE not in form.form_errors:
        form.form_errors.append(signing.SEEN_OTHERWISE)
    return {"case": case, "many": report.MANY_IMAGES, "report": state}


def _paper() -> Paper:
    """A4 for everything that is no paper we know."""
    wanted = request.args.get("paper", "").lower()
    return next((one for one in SIZES if one == wanted), "a4")


def _answer(make: Callable[[], Document]) -> Answer:
    try:
        made = make()
    except NotFound:
        abort(404)
    except StillVeiled:
        return answer_with(403, *VEILED)
    except ReportDamaged:
        return answer_with(500, *DAMAGED)
    answer = Response(made.data, mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="{made.name}"'
    return kept_private(answer)
