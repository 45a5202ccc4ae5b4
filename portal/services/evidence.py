"""What a reading shows beside its scores, as the tables keep it and as pages get it back."""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from models.imaging.layers import pack
from models.spec import Layer, Nucleus, Reading, Region, Swatch, Tiles
from portal.storage.tables.readings import Prediction


@dataclass(frozen=True, kw_only=True)
class LayerLine:
    """A layer that a page offers: its picture lies under `name`."""

    name: str
    title: str
    kind: str
    legend: tuple[Swatch, ...]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Notes, regions and counted nuclei (number by class, in the order in which they were first met)."""

    notes: tuple[str, ...]
    regions: tuple[Region, ...]
    nuclei: dict[str, int]
    um_per_px: float | None


def keep_layers(reading: Reading) -> list[dict[str, Any]] | None:
    """The layers for their column; None when there are none."""
    return [_kept(layer) for layer in reading.layers] or None


def keep_evidence(reading: Reading, um_per_px: float | None) -> dict[str, Any] | None:
    """Notes, regions, nuclei, tiles and the pixel size that was used, for their column; None when there is nothing."""
    held = {"notes": list(reading.notes), "regions": [asdict(one) for one in reading.regions],
            "nuclei": [[one.x, one.y, one.label] for one in reading.nuclei], "um_per_px": um_per_px,
            "tiles": _packed(reading.tiles) if reading.tiles else None}
    return {name: value for name, value in held.items() if value} or None


def layers_of(prediction: Prediction) -> tuple[LayerLine, ...]:
    return tuple(LayerLine(name=one["name"], title=one["title"], kind=one["kind"],
                           legend=tuple(Swatch(label=label, colour=(red, green, blue))
                                        for label, (red, green, blue) in one["legend"]))
                 for one in prediction.layers or ())


def packed_layer(prediction: Prediction, name: str | None, most: int = 0) -> tuple[str, bytes] | None:
    """Kind and packed picture of a layer; without a name, of the first one. None when there is none.

    With `most`, the largest of its pyramid whose sides are at most that, or the smallest there is.
    """
    found = next((one for one in prediction.layers or () if name in (None, one["name"])), None)
    if found is None:
        return None
    pictures = [b64decode(png) for png in (found["png"], *found.get("smaller", ()))]
    fitting = [picture for picture in pictures if not most or max(_size(picture)) <= most]
    return found["kind"], (fitting or pictures[-1:])[0]


def evidence_of(prediction: Prediction) -> Evidence:
    held = prediction.evidence or {}
    return Evidence(notes=tuple(held.get("notes", ())),
                    regions=tuple(Region(**one) for one in held.get("regions", ())),
                    nuclei=dict(Counter(label for _x, _y, label in held.get("nuclei", ()))),
                    um_per_px=held.get("um_per_px"))


def placed_nuclei(prediction: Prediction) -> tuple[Nucleus, ...]:
    """The counted nuclei; the place of each in this row is its number."""
    return tuple(Nucleus(x=x, y=y, label=label) for x, y, label in (prediction.evidence or {}).get("nuclei", ()))


def tiles_of(prediction: Prediction) -> Tiles | None:
    """What was said of every tile, where the system tells."""
    held = (prediction.evidence or {}).get("tiles")
    if not held:
        return None
    shape = len(held["tops"]), len(held["lefts"])
    values = np.frombuffer(zlib.decompress(b64decode(held["values"])), "<f4").reshape(shape)
    return Tiles(**{**held, "values": values, "lefts": tuple(held["lefts"]), "tops": tuple(held["tops"])})


def _size(png: bytes) -> tuple[int, int]:
    """Width and height, from the header of a PNG of ours."""
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def _packed(tiles: Tiles) -> dict[str, Any]:
    values = b64encode(zlib.compress(tiles.values.astype("<f4").tobytes())).decode("ascii")
    return {**asdict(tiles), "values": values}


def _kept(layer: Layer) -> dict[str, Any]:
    held = {"name": layer.name, "title": layer.title, "kind": layer.kind,
            "legend": [[swatch.label, list(swatch.colour)] for swatch in layer.legend],
            "png": b64encode(pack(layer)).decode("ascii")}
    smaller = [replace(layer, values=values, smaller=()) for values in layer.smaller]
    return {**held, "smaller": [b64encode(pack(one)).decode("ascii") for one in smaller]} if smaller else held
