"""A whole slide: seen at every zoom, given its scale, and had read."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from models.imaging.errors import Unreadable
from portal.forms.slides import CutForm, DrawingForm, SlideForm
from portal.services.errors import NotChosen, NotFound, PixelSizeProblem
from portal.services.slides import drawings, pixels, reading, scale, view
from portal.services.slides.drawings import AnnotationLine
from portal.services.slides.pixels import Window
from portal.storage.tables.cases import Image
from portal.views import wiring
from portal.views.guards import signed_in
from portal.views.headers import kept_private
from portal.views.images import image_or_404
from portal.views.sessions import current_actor

bp = Blueprint("slides", __name__, url_prefix="/images/<id:image_id>")

UNREADABLE = 422


@bp.get("/slide")
@signed_in
def slide_view(image_id: int) -> str:
    return show_slide(slide_or_404(image_id))


@bp.get("/tiles/<int:level>/<int:column>_<int:row>.jpg")
@signed_in
def slide_tile(image_id: int, level: int, column: int, row: int) -> Response:
    image = slide_or_404(image_id)
    return _jpeg(f"{image.sha256}-{level}-{column}-{row}",
                 lambda: pixels.read_tile(wiring.slides(), image, level, column, row))


@bp.get("/region.jpg")
@signed_in
def slide_region(image_id: int) -> Response:
    """`x`, `y`, `width`, `height` in pixels of the slide, all of it without them; `side` bounds the picture."""
    image = slide_or_404(image_id)
    window = asked_window(image)
    side = min(max(request.args.get("side", pixels.MOST_SIDE, type=int), 16), pixels.MOST_SIDE)
    tag = f"{image.sha256}-{window.x}-{window.y}-{window.width}-{window.height}-{side}"
    return _jpeg(tag, lambda: pixels.draw_window(wiring.slides(), image, window, side))


@bp.post("/slide")
@signed_in
def slide_change(image_id: int) -> AnyResponse | tuple[str, int]:
    """Set the pixel size, have it read, or both."""
    image, form = slide_or_404(image_id), _form()
    if not form.validate():
        return show_slide(image, form), UNREADABLE
    try:
        told = scale.settle(wiring.engine(), current_actor(), image, form.um_per_px.data, form.model.data)
    except PixelSizeProblem as problem:
        form.um_per_px.errors = [str(problem)]
        return show_slide(image, form), UNREADABLE
    except NotChosen as problem:
        form.model.errors = [str(problem)]
        return show_slide(image, form), UNREADABLE
    wiring.carrier().wake()
    flash(told, "success")
    return redirect(url_for("slides.slide_view", image_id=image.id), 303)


@bp.post("/cut")
@signed_in
def slide_cut(image_id: int) -> AnyResponse:
    """Have the part in a box read as an image of its own."""
    image = slide_or_404(image_id)
    try:
        box = drawings.find_box(image, current_user.id, request.form.get("mark", ""))
        reading.cut_out(wiring.engine(), current_actor(), image, request.form.get("model", ""), box,
                        wiring.settings().max_image_pixels)
    except (NotChosen, PixelSizeProblem) as problem:
        flash(str(problem), "danger")
        return redirect(url_for("slides.slide_view", image_id=image.id), 303)
    wiring.carrier().wake()
    flash("The part is being cut out and read. It becomes an image of its own in the case.", "success")
    return redirect(url_for("cases.case_view", case_id=image.case_id), 303)


def show_slide(image: Image, form: SlideForm | None = None, drawing: DrawingForm | None = None) -> str:
    """The page of a slide, with forms that came back."""
    asked = request.args.get("prediction", type=int)
    window = asked_window(image) if "width" in request.args else None
    return render_template("slides/slide_view.html", image=image, form=form or _form(image), window=window,
                           steps=pixels.steps(image, window), **viewer_of(image, asked, drawing))


def viewer_of(image: Image, prediction_id: int | None = None, drawing: DrawingForm | None = None) -> dict[str, object]:
    """What `slides/_viewer.html` needs, also on the page of a reading."""
    lines = drawings.list_lines(image, current_user.id)
    return {"slide": view.describe(image, current_user.id, prediction_id),
            "annotations": lines,
            "others_hidden": not drawings.may_see_others(image, current_user.id),
            "drawing": drawing or DrawingForm(formdata=None), "cut": _cut_form(lines)}


def slide_or_404(image_id: int) -> Image:
    """A slide in one of the reader's cases; nothing else has tiles."""
    image = image_or_404(image_id)
    if image.kind != "slide":
        abort(404)
    return image


def asked_window(image: Image) -> Window:
    """The part that the address names, all of it without one; 404 for what is not on the slide."""
    said = request.args
    whole = {"x": 0, "y": 0, "width": image.width, "height": image.height}
    try:
        return Window(**{name: said.get(name, whole[name], type=int) for name in whole}).within(image)
    except NotFound:
        abort(404)


def _form(image: Image | None = None) -> SlideForm:
    form = SlideForm(data={"um_per_px": image.um_per_px}) if image else SlideForm()
    return form.offer((spec.key, spec.title) for spec in reading.list_systems(wiring.engine()))


def _cut_form(lines: list[AnnotationLine]) -> CutForm:
    boxes = [(one.mark, f"D{number}: {one.text or 'box'}"[:80])
             for number, one in enumerate(lines, 1) if one.shape == "box"]
    return CutForm(formdata=None).offer(boxes, [(spec.key, spec.title) for spec in
                                                reading.list_cutters(wiring.engine())])


def _jpeg(tag: str, draw: Callable[[], bytes]) -> Response:
    """A picture that never changes: a browser that holds it is answered without reading it."""
    try:
        answer = Response(b"" if tag in request.if_none_match else draw(), mimetype="image/jpeg")
    except (NotFound, FileNotFoundError, Unreadable):
        abort(404)
    answer.set_etag(tag)
    return kept_private(answer)
