"""Settings that are safe to change while the portal runs."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from portal.forms.settings import SettingsForm
from portal.services import site
from portal.services.errors import NotChosen
from portal.services.site import SiteChoices
from portal.views.guards import administrator, proven
from portal.views.sessions import current_actor

bp = Blueprint("settings", __name__, url_prefix="/admin/settings")


@bp.get("")
@administrator
def settings_form() -> str:
    held = site.load()
    form = SettingsForm(data={"registration": held.registration_open, "retention": held.retention_months,
                              "mask": held.pseudonym_mask, "second_factor": held.second_factor_for_all})
    return render_template("admin/settings.html", form=form)


@bp.post("")
@administrator
@proven
def settings_save() -> Response | tuple[str, int]:
    form = SettingsForm()
    if form.validate():
        wanted = SiteChoices(registration_open=form.registration.data, retention_months=form.retention.data,
                             pseudonym_mask=form.mask.data, second_factor_for_all=form.second_factor.data)
        try:
            changed = site.save(current_actor(), wanted)
        except NotChosen as problem:
            form.mask.errors = [str(problem)]
        else:
            flash("Saved." if changed else "Nothing was different.", "success")
            return redirect(url_for("settings.settings_form"), 303)
    return render_template("admin/settings.html", form=form), 400
