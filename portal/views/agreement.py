"""How far readers agree: with each other, and with the models."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, render_template, request
from flask_login import current_user

from portal.forms.agreement import AgreementForm
from portal.services.agreement import bootstrap, page
from portal.services.agreement.gather import Which
from portal.storage.agreement import ReadingFilter
from portal.views import wiring
from portal.views.guards import signed_in

bp = Blueprint("agreement", __name__, url_prefix="/agreement")


@bp.get("")
@signed_in
def agreement_view() -> str:
    form = AgreementForm(request.args)
    form.validate()
    which = cast(Which, "latest" if form.readings.errors else form.readings.data)
    wanted = ReadingFilter(since=form.since.data, until=None if form.until.errors else form.until.data,
                           blind=which == "blind")
    found = page.describe(wiring.engine(), current_user.id, form.system.data, which, wanted)
    form.offer(((one.value, one.title) for one in found.systems), found.chosen)
    return render_template("agreement/agreement_view.html", form=form, agreement=found, which=which,
                           rounds=bootstrap.ROUNDS, seed=bootstrap.SEED)
