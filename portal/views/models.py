"""The catalogue of models and their cards: public, so that anyone may judge what is used."""

from __future__ import annotations

from flask import Blueprint, Response, abort, render_template, send_file

from models.card import find_picture, load_card
from models.comparison import load_comparison
from models.spec import ModelSpec
from portal.services import offers
from portal.views import wiring
from portal.views.guards import anyone

bp = Blueprint("models", __name__, url_prefix="/models")


@bp.get("")
@anyone
def model_list() -> str:
    engine = wiring.engine()
    return render_template("models/model_list.html", rows=offers.list_catalogue(engine, offers.list_offered(engine)))


@bp.get("/<key>")
@anyone
def model_view(key: str) -> str:
    spec = _spec_or_404(key)
    return render_template("models/model_view.html", spec=spec, card=load_card(spec),
                           installed=wiring.engine().bytes_on_disk(key) is not None,
                           own=wiring.engine().versions(key)[1:], active=offers.active_spec(wiring.engine(), key),
                           relatives=[one for one in wiring.engine().specs()
                                      if one.family and one.family == spec.family and one.key != key])


@bp.get("/<key>/versions/<version>")
@anyone
def model_version(key: str, version: str) -> str:
    """The card of a version that was fine-tuned here: its comparison, and the published card that it stands on."""
    engine, published = wiring.engine(), _spec_or_404(key)
    spec = next((one for one in engine.versions(key) if one.version == version and one.own), None)
    if spec is None:
        abort(404)
    return render_template("models/model_version.html", spec=spec, card=load_card(published), published=published,
                           comparison=load_comparison(spec, engine.own_folder))


@bp.get("/<key>/<name>.png")
@anyone
def model_picture(key: str, name: str) -> Response:
    path = find_picture(_spec_or_404(key), f"{name}.png")
    if path is None:
        abort(404)
    return send_file(path, mimetype="image/png", max_age=3600)


def _spec_or_404(key: str) -> ModelSpec:
    spec = next((one for one in wiring.engine().specs() if one.key == key), None)
    if spec is None:
        abort(404)
    return spec
