"""What readers draw on a slide: their own to change, a colleague's to see where a reading may be seen."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.extensions import db
from portal.services import audit
from portal.services.blind import is_veiled
from portal.services.errors import BadAnnotation, NotChosen, NotFound
from portal.services.slides import shapes
from portal.services.slides.regions import Box
from portal.services.slides.shapes import Drawing
from portal.storage import drawings
from portal.storage.tables.cases import Image
from portal.storage.tables.readings import Annotation

MOST_MARKS = 1000
TOO_MANY = f"One reader draws at most {MOST_MARKS} times on a slide."


@dataclass(frozen=True, kw_only=True)
class AnnotationLine:
    """A drawing as a page lists it; `area` is left, top, width and height of what to look at."""

    mark: str
    shape: str
    points: tuple[shapes.Point, ...]
    text: str
    reader: str
    own: bool
    saved_at: datetime
    area: tuple[int, int, int, int]

    @property
    def typed(self) -> str:
        """The corners as a form takes them."""
        return " ".join(f"{x:g},{y:g}" for x, y in self.points)


def may_see_others(image: Image, reader_id: int) -> bool:
    """Whether colleagues' drawings are shown: in a case read blind not before every reading has been answered."""
    if not image.case.blind:
        return True
    known = image.predictions
    return bool(known) and not any(is_veiled(image.case, one, reader_id) for one in known)


def list_lines(image: Image, reader_id: int) -> list[AnnotationLine]:
    """What this reader may see on an image that they may open."""
    others = may_see_others(image, reader_id)
    return [_line(image, one, reader_id) for one in drawings.list_annotations(image.id)
            if others or one.reader_id == reader_id]


def draw(actor: audit.Actor, image: Image, shape: Any, points: Any, text: Any) -> AnnotationLine:
    """Keep a new drawing. The same once more is the one that stands there: of the first the answer was lost. Raises
    BadAnnotation.
    """
    assert actor.user_id is not None
    drawing = shapes.checked(shape, points, text, image.width, image.height)
    held = next((one for one in drawings.list_annotations(image.id)
                 if one.reader_id == actor.user_id and _drawing(one) == drawing), None)
    if held:
        return _line(image, held, held.reader_id)
    if drawings.count_marks(image.id, actor.user_id) >= MOST_MARKS:
        raise BadAnnotation(TOO_MANY)
    return _keep(actor, image, secrets.token_hex(16), drawing, "annotation.draw")


def change(actor: audit.Actor, image: Image, mark: str, points: Any = None, text: Any = None) -> AnnotationLine:
    """Keep another state of one's own drawing; None leaves a part as it is. Raises NotFound or BadAnnotation."""
    held = _own(actor, image, mark)
    drawing = shapes.checked(held.shape, held.points if points is None else points,
                             held.text if text is None else text, image.width, image.height)
    if drawing == _drawing(held):
        return _line(image, held, held.reader_id)
    return _keep(actor, image, mark, drawing, "annotation.change", was=held.id)


def remove(actor: audit.Actor, image: Image, mark: str) -> None:
    """Take one's own drawing away; its states stay in the table. Raises NotFound."""
    held = _own(actor, image, mark)
    row = drawings.add_annotation(Annotation(
        image_id=image.id, reader_id=held.reader_id, mark=mark, shape=held.shape, points=held.points, text=held.text,
        removed=True))
    audit.record(actor, "annotation.remove", f"image:{image.id}", case=image.case_id, mark=mark, was=held.id,
                 now=row.id)
    db.session.commit()


def find_box(image: Image, reader_id: int, mark: str) -> Box:
    """Left, top, width and height of a box that this reader sees, in whole pixels. Raises NotChosen."""
    found = next((one for one in list_lines(image, reader_id) if one.mark == mark and one.shape == "box"), None)
    if found is None:
        raise NotChosen("Choose a box that is drawn on the slide.")
    (left, top), (right, bottom) = found.points
    return int(left), int(top), int(right) - int(left), int(bottom) - int(top)


def as_geojson(image: Image, reader_id: int) -> str:
    """What this reader may see, as QuPath imports it."""
    features = [shapes.as_feature(one.mark, Drawing(shape=one.shape, points=one.points, text=one.text), one.reader)
                for one in list_lines(image, reader_id)]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, indent=1)


def _own(actor: audit.Actor, image: Image, mark: str) -> Annotation:
    held = drawings.find_latest(image.id, mark)
    if held is None or held.removed or held.reader_id != actor.user_id:
        raise NotFound
    return held


def _keep(actor: audit.Actor, image: Image, mark: str, drawing: Drawing, action: str,
          was: int | None = None) -> AnnotationLine:
    """In the audit stand the numbers of the states, which nobody changes, and not what is written there."""
    row = drawings.add_annotation(Annotation(
        image_id=image.id, reader_id=actor.user_id, mark=mark, shape=drawing.shape,
        points=[list(one) for one in drawing.points], text=drawing.text))
    audit.record(actor, action, f"image:{image.id}", case=image.case_id, mark=mark, shape=drawing.shape,
                 was=was, now=row.id)
    line = _line(image, row, row.reader_id)
    db.session.commit()
    return line


def _drawing(row: Annotation) -> Drawing:
    return Drawing(shape=row.shape, points=tuple((x, y) for x, y in row.points), text=row.text)


def _line(image: Image, row: Annotation, reader_id: int) -> AnnotationLine:
    drawing = _drawing(row)
    return AnnotationLine(mark=row.mark, shape=row.shape, points=drawing.points, text=row.text,
                          reader=row.reader.name, own=row.reader_id == reader_id, saved_at=row.created_at,
                          area=_area(drawing, image))


def _area(drawing: Drawing, image: Image) -> tuple[int, int, int, int]:
    """With a margin, and never less than some hundred pixels: a point alone shows nothing."""
    left, top, right, bottom = shapes.bounds(drawing)
    margin = max(0.25 * max(right - left, bottom - top), 128.0)
    x, y = max(0, int(left - margin)), max(0, int(top - margin))
    return x, y, max(1, min(image.width, int(right + margin)) - x), max(1, min(image.height, int(bottom + margin)) - y)
