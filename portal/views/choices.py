"""What an administrator chooses for the whole portal."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from portal.forms.choices import BlindPolicyForm
from portal.services import blind
from portal.views.guards import administrator, proven
from portal.views.sessions import current_actor

bp = Blueprint("choices", __name__, url_prefix="/admin/choices")


@bp.get("")
@administrator
def choice_form() -> str:
    return render_template("choices/choice_form.html", form=BlindPolicyForm(data={"policy": blind.policy()}))


@bp.post("")
@administrator
@proven
def choice_save() -> Response | tuple[str, int]:
    form = BlindPolicyForm()
    if not form.validate():
        return render_template("choices/choice_form.html", form=form), 400
    blind.choose_policy(current_actor(), form.policy.data)
    flash("Saved. It holds for cases opened from now on; cases that are open already stay as they are.", "success")
    return redirect(url_for("choices.choice_form"), 303)
