"""Drawings on a slide: kept as they are drawn, by a script or by a form."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, flash, jsonify, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal.forms.slides import DrawingForm
from portal.services.errors import BadAnnotation, NotFound
from portal.services.slides import drawings, shapes
from portal.services.slides.drawings import AnnotationLine
from portal.storage.tables.cases import Image
from portal.views.guards import signed_in
from portal.views.headers import kept_private
from portal.views.sessions import current_actor
from portal.views.slides import show_slide, slide_or_404

bp = Blueprint("drawings", __name__, url_prefix="/images/<id:image_id>")

UNREADABLE = 422
GEOJSON = "application/geo+json"


@bp.get("/annotations")
@signed_in
def drawing_list(image_id: int) -> str:
    """The slide, for somebody who reloads what a refused form had shown, with what was typed into it."""
    return show_slide(slide_or_404(image_id), drawing=DrawingForm())


@bp.post("/annotations")
@signed_in
def drawing_draw(image_id: int) -> AnyResponse | tuple[Response | str, int]:
    image = slide_or_404(image_id)
    if not request.is_json:
        return _draw_typed(image)
    said = _said()
    try:
        line = drawings.draw(current_actor(), image, said.get("shape"), said.get("points"), said.get("text", ""))
    except BadAnnotation as problem:
        return jsonify(reason=str(problem)), UNREADABLE
    return jsonify(_told(line)), 201


@bp.post("/annotations/<mark>")
@signed_in
def drawing_change(image_id: int, mark: str) -> AnyResponse | tuple[Response, int]:
    image = slide_or_404(image_id)
    said = _said() if request.is_json else {"text": request.form.get("text", "")}
    try:
        line = drawings.change(current_actor(), image, mark, said.get("points"), said.get("text"))
    except NotFound:
        abort(404)
    except BadAnnotation as problem:
        if request.is_json:
            return jsonify(reason=str(problem)), UNREADABLE
        flash(str(problem), "danger")
        return _back(image)
    return (jsonify(_told(line)), 200) if request.is_json else _back(image)


@bp.post("/annotations/<mark>/remove")
@signed_in
def drawing_remove(image_id: int, mark: str) -> AnyResponse | tuple[Response, int]:
    image = slide_or_404(image_id)
    try:
        drawings.remove(current_actor(), image, mark)
    except NotFound:
        abort(404)
    return (jsonify(removed=mark), 200) if request.is_json else _back(image)


@bp.get("/annotations.geojson")
@signed_in
def drawing_geojson(image_id: int) -> Response:
    image = slide_or_404(image_id)
    answer = Response(drawings.as_geojson(image, current_user.id), mimetype=GEOJSON)
    answer.headers["Content-Disposition"] = f"attachment; filename=slide-{image.id}-annotations.geojson"
    return kept_private(answer)


def _draw_typed(image: Image) -> AnyResponse | tuple[str, int]:
    form = DrawingForm()
    if form.validate():
        try:
            drawings.draw(current_actor(), image, form.shape.data, shapes.read_corners(form.points.data),
                             form.text.data)
        except BadAnnotation as problem:
            form.points.errors = [str(problem)]
        else:
            return _back(image)
    return show_slide(image, drawing=form), UNREADABLE


def _said() -> dict[str, Any]:
    sent = request.get_json(silent=True)
    return sent if isinstance(sent, dict) else {}


def _told(line: AnnotationLine) -> dict[str, Any]:
    return {"mark": line.mark, "shape": line.shape, "points": line.points, "text": line.text, "area": line.area,
            "saved_at": f"{line.saved_at.isoformat()}Z"}


def _back(image: Image) -> AnyResponse:
    return redirect(url_for("slides.slide_view", image_id=image.id, _anchor="annotations"), 303)
