"""Which pages show patient data: every GET route stands here, and a view of patient data goes into the audit trail.

A route that is forgotten here is written down all the same, under its own name, and fails a test. A form that is
refused comes back on its page and is written down as that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, cast

from flask import Flask, current_app, make_response, request
from flask_login import current_user
from werkzeug.routing import Rule
from werkzeug.wrappers import Response

from portal.services import sightings
from portal.services.sightings import Seen, Sightings
from portal.storage.tables.columns import now
from portal.views.sessions import current_actor


@dataclass(frozen=True, kw_only=True)
class Shows:
    """`action` is written down of the thing that `argument` of the address names, or of the list called `name`."""

    action: str
    argument: str = ""
    name: str = ""
    of_case: bool = False
    beside: tuple[str, ...] = ()
    """Further arguments of the address that are worth writing down."""


@dataclass(frozen=True, kw_only=True)
class NoPatientData:
    """Shows no patient data, or its service writes down who takes it away."""

    because: str


CASE = Shows(action="case.view", argument="case_id")
IMAGE = Shows(action="image.view", argument="image_id")
THUMBNAIL = Shows(action="thumbnail.view", argument="image_id", of_case=True)
PREDICTION = Shows(action="prediction.view", argument="prediction_id")
JOB = Shows(action="job.view", argument="job_id")
FETCHED = Shows(action="job.fetch", argument="job_id")
REPORT = Shows(action="report.view", argument="case_id", beside=("number",))
ACCOUNTS = NoPatientData(because="accounts and their logins, no patients")
MODELS = NoPatientData(because="what a system is and how good it is, no patients")
MACHINE = NoPatientData(because="states of the machine, no patients")
FORM = NoPatientData(because="an empty form")
TAKEN = NoPatientData(because="its service writes an export down each time")

SHOWN: dict[str, Shows | NoPatientData] = {
    "home.index": Shows(action="list.view", name="worklist"),
    "cases.case_list": Shows(action="list.view", name="cases"),
    "agreement.agreement_view": NoPatientData(because="figures over many readings, no patients"),
    "jobs.job_list": Shows(action="list.view", name="jobs"),
    "training_sets.training_set_list": NoPatientData(because="numbers of images by system, no patients"),
    "cases.case_view": CASE, "cases.case_jobs": CASE, "images.image_upload_form": CASE, "folders.folder_form": CASE,
    "reports.sign_form": CASE, "sharing.reader_list": CASE, "sharing.blind_end_form": CASE,
    "cases.case_create_form": FORM,
    "images.image_file": IMAGE, "images.image_fields_form": IMAGE, "drawings.drawing_list": IMAGE,
    "drawings.drawing_geojson": IMAGE, "slides.slide_view": IMAGE, "slides.slide_tile": IMAGE,
    "slides.slide_region": IMAGE, "images.image_thumbnail": THUMBNAIL,
    "predictions.prediction_view": PREDICTION, "predictions.prediction_heatmap": PREDICTION,
    "predictions.prediction_layer": PREDICTION, "predictions.prediction_region": PREDICTION,
    "predictions.review_form": PREDICTION, "predictions.prediction_nuclei": PREDICTION,
    "jobs.job_view": JOB, "jobs.job_file": FETCHED,
    "reports.report_current": REPORT, "reports.report_signed": REPORT,
    "exports.history_csv": TAKEN, "exports.history_jsonl": TAKEN, "exports.history_xlsx": TAKEN,
    "region_exports.regions_csv": TAKEN, "region_exports.regions_geojson": TAKEN,
    "training_sets.training_set_zip": TAKEN,
    "audit.audit_list": Shows(action="audit.view", name="audit"), "audit.audit_csv": TAKEN, "audit.audit_jsonl": TAKEN,
    "api.case_list": Shows(action="list.view", name="cases"), "api.case_view": CASE,
    "api.prediction_list": Shows(action="list.view", name="predictions"), "api.prediction_view": PREDICTION,
    "api.prediction_layer": PREDICTION, "api.review_list": PREDICTION, "api.image_file": IMAGE,
    "api.job_list": Shows(action="list.view", name="jobs"), "api.job_view": JOB, "api.job_file": FETCHED,
    "api.export_jsonl": TAKEN, "api.document": FORM, "api.model_list": MODELS, "api.model_view": MODELS,
    "account.account_view": ACCOUNTS, "account.password_form": ACCOUNTS, "account.token_form": ACCOUNTS,
    "admin.user_list": ACCOUNTS, "admin.model_states": MODELS, "admin.model_version": MODELS, "admin.system": MACHINE,
    "choices.choice_form": MACHINE, "fits.fit_form": MODELS, "drift.drift_view": MODELS,
    "admin_accounts.account_view": ACCOUNTS, "settings.settings_form": MACHINE, "notices.notice_list": MACHINE,
    "deletions.deletion_list": NoPatientData(because="numbers of cases, who wants them deleted and why; no pseudonyms"),
    "deletions.retention_list": NoPatientData(because="numbers of cases and how old they are, no pseudonyms"),
    "deletions.deletion_view": NoPatientData(because="the number of a case and counts of what it held, no pseudonym"),
    "deletions.deletion_form": CASE, "subjects.subject_form": FORM,
    "second_factor.set_up_form": ACCOUNTS, "second_factor.codes_form": ACCOUNTS, "stay.left": ACCOUNTS,
    "proof.prove_form": FORM, "auth.code_form": FORM, "forgotten.forgotten_form": FORM, "forgotten.sent": FORM,
    "auth.login_form": FORM, "auth.register_form": FORM, "auth.registered": FORM, "setup.setup_form": FORM,
    "setup.reset_form": FORM, "health.healthz": MACHINE, "health.readyz": MACHINE,
    "health.metrics": MACHINE,
    "models.model_list": MODELS, "models.model_view": MODELS, "models.model_version": MODELS,
    "models.model_picture": MODELS,
    "static": FORM, "bootstrap.static": FORM,
}


AROUND: dict[str, Shows] = {"prediction_id": PREDICTION, "image_id": IMAGE, "case_id": CASE, "job_id": JOB}
"""What a form shows that comes back, where its address has no page of its own; the innermost thing first."""
COMES_BACK = (200, 400, 409, 422, 429)


def init_app(app: Flask) -> None:
    """Write down what every view shows before it is sent; to be called when all views are known."""
    app.extensions["sightings"] = Sightings()
    rules = list(app.url_map.iter_rules())
    pages = {rule.rule: _said(rule) for rule in rules if "GET" in (rule.methods or ())}
    for rule in rules:
        view = app.view_functions[rule.endpoint]
        said = _said(rule) if "GET" in (rule.methods or ()) else pages.get(rule.rule, _around(rule))
        if isinstance(said, Shows) and not hasattr(view, "shown"):
            app.view_functions[rule.endpoint] = _noting(view, said)


def _said(rule: Rule) -> Shows | NoPatientData:
    return SHOWN.get(rule.endpoint, Shows(action="page.view", name=rule.endpoint))


def _around(rule: Rule) -> Shows | NoPatientData:
    return next((said for name, said in AROUND.items() if name in rule.arguments), FORM)


def remembered() -> Sightings:
    return cast(Sightings, current_app.extensions["sightings"])


def _noting(view: Callable[..., Any], said: Shows) -> Callable[..., Any]:
    """Nothing is sent when it cannot be written down."""

    @wraps(view)
    def noted(**arguments: Any) -> Response:
        answer = make_response(current_app.ensure_sync(view)(**arguments))
        if current_user.is_authenticated and _is_shown(answer):
            try:
                _write_down(said, arguments)
            except BaseException:
                answer.close()
                raise
        return answer

    marked: Any = noted
    marked.shown = said
    return noted


def _is_shown(answer: Response) -> bool:
    """Not what is refused or leads elsewhere; of what a form is answered with only its page."""
    if request.method in ("GET", "HEAD"):
        return answer.status_code < 300 or answer.status_code == 304
    return answer.status_code in COMES_BACK and answer.mimetype == "text/html"


def _write_down(said: Shows, arguments: dict[str, Any]) -> None:
    row_id = arguments[said.argument] if said.argument else None
    kind = said.argument.removesuffix("_id") if said.argument else said.name
    beside = {name: arguments[name] for name in said.beside if name in arguments}
    seen = Seen(action=said.action, kind=kind, row_id=row_id, of_case=said.of_case)
    sightings.note_view(remembered(), current_actor(), seen, now(), **beside)
