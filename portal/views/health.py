"""For machines that watch: is the process alive, and can it do its work?"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from portal.services import health
from portal.views import wiring
from portal.views.guards import anyone

bp = Blueprint("health", __name__)


@bp.get("/healthz")
@anyone
def healthz() -> Response:
    return jsonify(status="alive")


@bp.get("/readyz")
@anyone
def readyz() -> tuple[Response, int]:
    checks = health.check(wiring.engine())
    ready = all(checks.values())
    return jsonify(status="ready" if ready else "not ready", checks=checks), 200 if ready else 503
