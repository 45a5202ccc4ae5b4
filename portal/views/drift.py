"""Drift: do the images of now look like those that the models were measured on?"""

from __future__ import annotations

from flask import Blueprint, render_template

from portal.services import drift_page
from portal.services.drift import LEAST
from portal.storage.tables.columns import now
from portal.views import wiring
from portal.views.guards import administrator

bp = Blueprint("drift", __name__, url_prefix="/admin")


@bp.get("/drift")
@administrator
def drift_view() -> str:
    return render_template("admin/drift.html", versions=drift_page.list_drift(wiring.engine(), now()),
                           last=drift_page.LAST, days=drift_page.PERIOD.days, first=drift_page.FIRST,
                           least=LEAST)
