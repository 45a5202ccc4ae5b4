"""Fine-tuning a system from the reviewed images, asked for by an administrator."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.forms.fits import FitForm
from portal.services import fitting
from portal.services.errors import FitRefused, NotFound
from portal.services.exports import training
from portal.services.fitting import FitOffer
from portal.services.jobs import queue
from portal.storage.tables.columns import now
from portal.views import wiring
from portal.views.guards import administrator
from portal.views.sessions import current_actor

bp = Blueprint("fits", __name__, url_prefix="/admin/models")


@bp.get("/<key>/fit")
@administrator
def fit_form(key: str) -> str:
    offer = _offer(key)
    return _page(offer, _form(offer))


@bp.post("/<key>/fit")
@administrator
def fit_ask(key: str) -> Response | tuple[str, int]:
    offer = _offer(key)
    form = _form(offer)
    if not form.validate():
        return _page(offer, form), 400
    everyone = training.reader_of(current_user.id, current_user.role) is None
    try:
        order = fitting.order(current_actor(), offer, form.name.data, form.base.data, everyone)
    except FitRefused as problem:
        form.form_errors.append(str(problem))
        return _page(offer, form), 409
    return redirect(url_for("jobs.job_view", job_id=queue.submit(wiring.carrier(), current_actor(), order)), 303)


def _offer(key: str) -> FitOffer:
    try:
        return fitting.find_offer(wiring.engine(), key, current_user.id, current_user.role)
    except NotFound:
        abort(404)


def _form(offer: FitOffer) -> FitForm:
    form = FitForm(data={"name": offer.free_name(now()), "base": offer.spec.version})
    form.base.choices = [(one.version, f"{one.version} ({'fine-tuned here' if one.own else 'published'})")
                         for one in offer.bases]
    return form


def _page(offer: FitOffer, form: FitForm) -> str:
    return render_template("admin/model_fit.html", offer=offer, form=form)
