"""The password once more, and a code where there is a second factor, before something that matters; then on with it."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from portal.services.errors import BadLogin, TooManyTries
from portal.views.guards import give_proof, local_target, proof_form, signed_in
from portal.views.slowed import tell_slowed

bp = Blueprint("proof", __name__)

Page = str | Response | tuple[str, int] | tuple[str, int, dict[str, str]]
TEMPLATE = "auth/proof.html"


@bp.get("/prove")
@signed_in
def prove_form() -> str:
    return render_template(TEMPLATE, form=proof_form(), action=_address(), fields=[])


@bp.post("/prove")
@signed_in
def prove() -> Page:
    form = proof_form()
    if not form.validate():
        return render_template(TEMPLATE, form=form, action=_address(), fields=[]), 400
    try:
        give_proof(form)
    except TooManyTries as problem:
        return tell_slowed(TEMPLATE, form, problem, action=_address(), fields=[])
    except BadLogin:
        return render_template(TEMPLATE, form=form, action=_address(), fields=[]), 401
    return redirect(local_target(request.args.get("next")) or url_for("account.account_view"), 303)


def _address() -> str:
    return url_for("proof.prove", next=local_target(request.args.get("next")))
