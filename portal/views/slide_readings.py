"""Has a slide, or a box of it, read by a system."""

from __future__ import annotations

from flask import Blueprint, abort, flash, jsonify, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.services import cases
from portal.services.errors import NotChosen, NotFound, PixelSizeProblem
from portal.services.slides import reading
from portal.services.slides.regions import OUTSIDE, Box
from portal.views import wiring
from portal.views.guards import signed_in
from portal.views.sessions import current_actor

bp = Blueprint("slide_readings", __name__)

SIDES = ("x", "y", "width", "height")
ASKED = "It is being read: this page shows how far, and you may leave it."


@bp.post("/images/<id:image_id>/read")
@signed_in
def image_read(image_id: int) -> Response | tuple[Response, int]:
    """Form fields: `model`, and for a box in pixels of the slide `x`, `y`, `width`, `height`."""
    try:
        job_id = reading.ask(wiring.carrier(), current_actor(), wiring.engine(), image_id,
                             request.form.get("model", ""), _box(), wiring.settings().max_image_pixels)
    except NotFound:
        abort(404)
    except (NotChosen, PixelSizeProblem) as problem:
        if wiring.wants_json():
            return jsonify(reason=str(problem)), 422
        flash(str(problem), "danger")
    else:
        if wiring.wants_json():
            return jsonify(job=job_id), 202
        flash(ASKED, "info")
    image = cases.get_image(image_id, current_user.id)
    return redirect(url_for("cases.case_view", case_id=image.case_id, _anchor=f"image-{image_id}"), 303)


def _box() -> Box | None:
    """The box that was sent, None without one. Raises NotChosen for what is no box."""
    sent = [request.form.get(name, "").strip() for name in SIDES]
    if not any(sent):
        return None
    try:
        left, top, width, height = (round(float(value)) for value in sent)
    except (ValueError, OverflowError):
        raise NotChosen(OUTSIDE) from None
    return left, top, width, height
