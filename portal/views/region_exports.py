"""What a system found where, to take away: for a spreadsheet, and for QuPath."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flask import Blueprint, Response, abort

from portal.services.errors import NotFound
from portal.services.exports import regions
from portal.services.exports.regions import Found
from portal.views.exports import sent
from portal.views.guards import signed_in
from portal.views.sessions import current_actor

bp = Blueprint("region_exports", __name__, url_prefix="/predictions/<id:prediction_id>")


@bp.get("/regions.csv")
@signed_in
def regions_csv(prediction_id: int) -> Response:
    return _sent(prediction_id, "csv", "text/csv; charset=utf-8", regions.csv_of)


@bp.get("/regions.geojson")
@signed_in
def regions_geojson(prediction_id: int) -> Response:
    return _sent(prediction_id, "geojson", "application/geo+json", regions.geojson_of)


def _sent(prediction_id: int, form: str, kind: str, make: Callable[[Found], Iterator[bytes]]) -> Response:
    try:
        found = regions.collect(current_actor(), prediction_id, form)
    except NotFound:
        abort(404)
    return sent(make(found), kind, f"secondread-prediction-{prediction_id}-regions.{form}")
