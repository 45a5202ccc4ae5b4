"""What a system found where: as a table, and as GeoJSON that QuPath opens.

QuPath (since 0.4) reads a FeatureCollection in pixels of the full-resolution image: `objectType` annotation or tile,
`classification` with name and colour, `measurements` as numbers by name.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from models.spec import Region, Tiles
from portal.extensions import db
from portal.services import audit
from portal.services.errors import NotFound
from portal.services.evidence import evidence_of, tiles_of
from portal.services.exports.cells import Cell, cell_of, csv_line
from portal.services.exports.files import BYTE_ORDER_MARK
from portal.services.results import get_shown

REGION, TILE = "annotation", "tile"
CALLED, QUIET = (200, 40, 40), (120, 140, 160)
"""Colours of what reaches a threshold and of what does not."""
NAMES = ("kind", "number", "x_px", "y_px", "width_px", "height_px", "x_um", "y_um", "width_um", "height_um", "class",
         "value", "text", "model", "version", "demonstration")
GATHERED = 200
"""Lines that are sent together."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A rectangle in pixels of the image with what was said of it."""

    kind: str
    number: int
    x: float
    y: float
    width: float
    height: float
    called: str
    reached: bool
    value: float
    text: str
    measures: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Found:
    """All places of one prediction: regions first, the most telling before others, then tiles row by row."""

    prediction_id: int
    model: str
    version: str
    demonstration: str
    um_per_px: float | None
    places: tuple[Place, ...]


def collect(actor: audit.Actor, prediction_id: int, form: str) -> Found:
    """The places of a prediction that this reader may see, for a file; audited. Raises NotFound without any."""
    prediction = get_shown(prediction_id, actor.user_id or 0)
    evidence, tiles = evidence_of(prediction), tiles_of(prediction)
    places = (*_of_regions(evidence.regions), *(_of_tiles(tiles) if tiles else ()))
    if not places:
        raise NotFound
    found = Found(prediction_id=prediction.id, model=prediction.model, version=prediction.version,
                  demonstration=prediction.demonstration, places=places,
                  um_per_px=evidence.um_per_px or prediction.image.um_per_px)
    audit.record(actor, "regions.export", f"prediction:{prediction.id}", format=form)
    db.session.commit()
    return found


def csv_of(found: Found) -> Iterator[bytes]:
    """RFC 4180 in UTF-8, one line per place; measures of regions as columns of their own."""
    measures = list(dict.fromkeys(name for one in found.places for name in one.measures))
    head = BYTE_ORDER_MARK + csv_line([cell_of(name) for name in (*NAMES, *measures)])
    return _gathered(chain([head], (csv_line(_cells(found, one, measures)) for one in found.places)))


def geojson_of(found: Found) -> Iterator[bytes]:
    """A FeatureCollection, one feature a line."""
    last = len(found.places) - 1
    features = (json.dumps(feature_of(found, one), ensure_ascii=False, allow_nan=False) + (",\n" if at < last else "\n")
                for at, one in enumerate(found.places))
    return _gathered(chain(['{"type": "FeatureCollection", "features": [\n'], features, ["]}\n"]))


def feature_of(found: Found, place: Place) -> dict[str, Any]:
    """One place as QuPath's own export writes an object."""
    left, top, right, bottom = place.x, place.y, place.x + place.width, place.y + place.height
    ring = [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]
    name = f"{place.called} (demonstration)" if found.demonstration else place.called
    properties: dict[str, Any] = {
        "objectType": place.kind,
        "classification": {"name": name, "color": list(CALLED if place.reached else QUIET)},
        "measurements": {**place.measures, "value": place.value},
    }
    if place.kind == REGION:
        properties |= {"name": f"{place.number}. {place.text}",
                       "metadata": {"model": found.model, "version": found.version, "research use": "no diagnosis"}}
    return {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": properties}


def _of_regions(regions: Sequence[Region]) -> Iterator[Place]:
    for number, one in enumerate(regions, 1):
        yield Place(kind=REGION, number=number, x=one.x, y=one.y, width=one.width, height=one.height,
                    called="region", reached=True, value=one.value, text=one.text, measures=one.measures)


def _of_tiles(tiles: Tiles) -> Iterator[Place]:
    number = 0
    for row, top in enumerate(tiles.tops):
        for column, left in enumerate(tiles.lefts):
            value = float(tiles.values[row, column])
            if math.isnan(value):
                continue
            number += 1
            reached = value >= tiles.threshold
            yield Place(kind=TILE, number=number, x=left, y=top, width=tiles.width, height=tiles.height,
                        called=tiles.label if reached else f"not {tiles.label}", reached=reached, value=value,
                        text="", measures={tiles.name: value})


def _cells(found: Found, place: Place, measures: Sequence[str]) -> list[Cell]:
    sides = (place.x, place.y, place.width, place.height)
    scaled = [round(side * found.um_per_px, 3) if found.um_per_px else None for side in sides]
    told = (place.kind, place.number, *(round(side, 3) for side in sides), *scaled, place.called, place.value,
            place.text, found.model, found.version, found.demonstration)
    return [cell_of(one) for one in (*told, *(place.measures.get(name) for name in measures))]


def _gathered(lines: Iterator[str]) -> Iterator[bytes]:
    waiting: list[str] = []
    for line in lines:
        waiting.append(line)
        if len(waiting) == GATHERED:
            yield "".join(waiting).encode()
            waiting = []
    if waiting:
        yield "".join(waiting).encode()
