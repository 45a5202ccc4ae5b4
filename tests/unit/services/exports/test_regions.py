"""Places as a table and as GeoJSON: as QuPath's own reader (PathObjectTypeAdapters, 0.4 and later) takes them."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from portal.services.exports.regions import BYTE_ORDER_MARK, Found, Place, csv_of, geojson_of

numbers = st.floats(0, 1e5, allow_nan=False)
sides = st.floats(0.5, 1e4, allow_nan=False)
texts = st.text(max_size=40)
places = st.builds(
    Place, kind=st.sampled_from(["annotation", "tile"]), number=st.integers(1, 999), x=numbers, y=numbers,
    width=sides, height=sides, called=st.text(min_size=1, max_size=20), reached=st.booleans(),
    value=st.floats(0, 1), text=texts, measures=st.dictionaries(st.text(min_size=1, max_size=9), st.floats(0, 1),
                                                                max_size=3))
found = st.builds(
    Found, prediction_id=st.integers(1, 99), model=st.just("pcam"), version=st.just("1"), demonstration=texts,
    um_per_px=st.none() | st.floats(0.1, 2), places=st.lists(places, min_size=1, max_size=12).map(tuple))


def read_geojson(made: Found) -> dict[str, Any]:
    return dict(json.loads(b"".join(geojson_of(made)), parse_constant=lambda name: 1 / 0))


def read_csv(made: Found) -> list[dict[str, str]]:
    text = b"".join(csv_of(made)).decode()
    assert text.startswith(BYTE_ORDER_MARK)
    return list(csv.DictReader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK), newline="")))


@given(found)
def test_every_feature_is_an_object_that_qupath_knows(made: Found) -> None:
    collection = read_geojson(made)
    assert collection["type"] == "FeatureCollection"
    assert len(collection["features"]) == len(made.places)
    for feature, place in zip(collection["features"], made.places, strict=True):
        (ring,), properties = feature["geometry"]["coordinates"], feature["properties"]
        assert (feature["type"], feature["geometry"]["type"]) == ("Feature", "Polygon")
        assert ring[0] == ring[-1]
        assert len(ring) == 5
        xs, ys = zip(*ring, strict=True)
        assert (min(xs), min(ys)) == (place.x, place.y)
        assert math.isclose(max(xs), place.x + place.width)
        assert math.isclose(max(ys), place.y + place.height)
        assert properties["objectType"] in ("annotation", "tile")
        colour = properties["classification"]["color"]
        assert len(colour) == 3
        assert all(isinstance(part, int) and 0 <= part <= 255 for part in colour)
        assert properties["classification"]["name"]
        assert all(isinstance(value, float) for value in properties["measurements"].values())
        assert bool(made.demonstration) == ("demonstration" in properties["classification"]["name"].rpartition("(")[2])


@given(found)
def test_a_table_has_every_place_in_pixels_and_micrometres(made: Found) -> None:
    lines = read_csv(made)
    assert len(lines) == len(made.places)
    for line, place in zip(lines, made.places, strict=True):
        assert math.isclose(float(line["x_px"]), place.x, abs_tol=1e-3)
        assert line["x_um"] == "" if made.um_per_px is None else math.isclose(
            float(line["x_um"]), place.x * made.um_per_px, abs_tol=1e-3)
        assert float(line["value"]) == place.value


def test_a_text_starts_no_formula() -> None:
    place = Place(kind="annotation", number=1, x=0, y=0, width=1, height=1, called="=HYPERLINK(1)", reached=True,
                  value=1, text="+cmd|' /C calc'!A0", measures={"@SUM(1)": 1.0})
    made = Found(prediction_id=1, model="-1", version="1", demonstration="", um_per_px=None, places=(place,))
    (line,) = read_csv(made)
    assert not [cell for cell in (*line, *line.values()) if cell[:1] in "=+-@" and cell]
