"""For machines that watch: is the process alive, can it do its work, and how does it do?"""

from __future__ import annotations

import logging

from flask import Blueprint, Response, abort, jsonify, request

from portal.services import readiness
from portal.services.metrics import access, exposition
from portal.views import wiring
from portal.views.guards import anyone

bp = Blueprint("health", __name__)
log = logging.getLogger("portal.metrics")

FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")


@bp.get("/healthz")
@anyone
def healthz() -> Response:
    return jsonify(status="alive")


@bp.get("/readyz")
@anyone
def readyz() -> tuple[Response, int]:
    parts = readiness.check(wiring.probe(), wiring.engine(), wiring.settings())
    ready = all(part.well for part in parts)
    return jsonify(status="ready" if ready else "not ready", checks={part.name: part.well for part in parts},
                   states={part.name: part.state for part in parts}), 200 if ready else 503


@bp.get("/metrics")
@anyone
def metrics() -> Response:
    """Open to this machine, or with the token; to everybody else it is not there."""
    told = request.authorization
    token = (told.token or "") if told and told.type == "bearer" else ""
    # A proxy on this machine that is not trusted to say whom it asks for asks for anybody.
    passed_on = not wiring.settings().trusted_proxies and any(name in request.headers for name in FORWARDED)
    if not access.may_read(wiring.settings(), request.remote_addr or "", token, passed_on=passed_on):
        log.warning("refused to tell the metrics: not asked from this machine, and without the token")
        abort(404)
    return Response(exposition.render(wiring.probe(), wiring.engine(), wiring.settings(), wiring.tally()),
                    content_type=exposition.CONTENT_TYPE)
