"""Points, boxes and polygons on an image: what may be drawn, and how other programs read it. Pure rules."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from portal.services.errors import BadAnnotation

Point = tuple[float, float]
CORNERS = {"point": (1, 1), "box": (2, 2), "polygon": (3, 500)}
"""Fewest and most corners of each shape; a box is given by two opposite ones."""
MOST_TEXT = 500
_PLACE = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*[,;]\s*(-?\d+(?:\.\d+)?)\s*")


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A shape on an image, its corners in pixels of the image, and what its reader wrote about it."""

    shape: str
    points: tuple[Point, ...]
    text: str = ""


def checked(shape: Any, points: Any, text: Any, width: int, height: int) -> Drawing:
    """What came from a browser as a drawing that lies on the image. Raises BadAnnotation."""
    if not isinstance(shape, str) or shape not in CORNERS:
        raise BadAnnotation("Choose a point, a box or a polygon.")
    places = _places(points)
    least, most = CORNERS[shape]
    if not least <= len(places) <= most:
        raise BadAnnotation(_how_many(shape))
    if any(not (0 <= x <= width and 0 <= y <= height) for x, y in places):
        raise BadAnnotation(f"Every corner lies on the slide: 0 to {width} across, 0 to {height} down.")
    if shape == "box":
        places = _sorted_box(places)
    if not isinstance(text, str) or len(text) > MOST_TEXT:
        raise BadAnnotation(f"The text has at most {MOST_TEXT} characters.")
    return Drawing(shape=shape, points=places, text=text.strip())


def read_corners(typed: str) -> list[Point]:
    """Corners as somebody types them, "120,80 400,300". Raises BadAnnotation."""
    found, end = [], 0
    while match := _PLACE.match(typed, end):
        found.append((float(match[1]), float(match[2])))
        end = match.end()
    if typed[end:].strip():
        raise BadAnnotation("Give corners as pixels across and down, for example 120,80 400,300.")
    return found


def outline(drawing: Drawing) -> tuple[Point, ...]:
    """All corners, of a box four."""
    if drawing.shape != "box":
        return drawing.points
    (left, top), (right, bottom) = drawing.points
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def bounds(drawing: Drawing) -> tuple[float, float, float, float]:
    """Left, top, right and bottom."""
    across, down = zip(*drawing.points, strict=True)
    return min(across), min(down), max(across), max(down)


def as_feature(mark: str, drawing: Drawing, reader: str) -> dict[str, Any]:
    """A GeoJSON feature as QuPath reads annotations: coordinates are pixels of the full resolution."""
    return {"type": "Feature", "id": str(UUID(mark)), "geometry": _geometry(drawing),
            "properties": {"objectType": "annotation", "name": drawing.text or f"{drawing.shape} by {reader}",
                           "isLocked": False, "metadata": {"reader": reader}}}


def _geometry(drawing: Drawing) -> dict[str, Any]:
    if drawing.shape == "point":
        return {"type": "Point", "coordinates": list(drawing.points[0])}
    corners = [list(one) for one in outline(drawing)]
    return {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}


def _places(points: Any) -> tuple[Point, ...]:
    if not isinstance(points, Sequence) or isinstance(points, str):
        raise BadAnnotation("A drawing has corners.")
    found = []
    for one in points:
        if not isinstance(one, Sequence) or len(one) != 2 or not all(_is_number(value) for value in one):
            raise BadAnnotation("A corner is two numbers.")
        found.append((round(float(one[0]), 1), round(float(one[1]), 1)))
    return tuple(found)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _sorted_box(places: tuple[Point, ...]) -> tuple[Point, ...]:
    (x0, y0), (x1, y1) = places
    if x0 == x1 or y0 == y1:
        raise BadAnnotation("A box has a width and a height.")
    return (min(x0, x1), min(y0, y1)), (max(x0, x1), max(y0, y1))


def _how_many(shape: str) -> str:
    words = {"point": "A point is one place.", "box": "A box is given by two opposite corners.",
             "polygon": "A polygon has 3 to 500 corners."}
    return words[shape]
