"""What the page on drift shows, and what the metrics tell of it: each version's last images against its reference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from models.engine import Engine
from models.reference import Reference, load_reference
from models.spec import ModelSpec
from portal.services.drift import LEAST, Histogram, Rate, Shift, Verdict, histogram, outline, rate_of, rates_differ
from portal.services.drift import shift_between as compare
from portal.storage import model_runs
from portal.storage.model_runs import LOOKS

LAST = 200
PERIOD = timedelta(days=30)
FIRST = 200
WIDTH, HEIGHT = 240.0, 64.0
MEASURES = {
    "brightness": ("Brightness", "0 is black, 255 white"), "contrast": ("Contrast", "of 255"),
    "sharpness": ("Sharpness", "steps between neighbours over the spread"),
    "saturation": ("Saturation", "0 is grey, 1 pure colour"), "density": ("Stain density", "mean optical density"),
    "um_per_px": ("Pixel size", "µm per pixel, where known"), "side": ("Shorter side", "pixels"),
    "score": ("Score of the answer", "of images that were scored"),
}


@dataclass(frozen=True, kw_only=True)
class Line:
    """One measure: how far it moved, and both distributions as outlines over `least` to `most`.

    `few` says between what the card's images lie that are too few to compare with.
    """

    key: str
    title: str
    unit: str
    shift: Shift
    least: str = ""
    most: str = ""
    now: str = ""
    before: str = ""
    few: str = ""


@dataclass(frozen=True, kw_only=True)
class VersionDrift:
    """One model version. `source`: "card" (real images no fit has seen), "first" (this clinic's first), or "none" yet.

    `card` is what was measured beside the card, also where it has too few images to be the source.
    """

    spec: ModelSpec
    source: str
    card: Reference | None
    images: int
    against: int
    lines: tuple[Line, ...]
    refused_now: Rate
    refused_before: Rate
    refusals: Verdict

    @property
    def moved(self) -> tuple[str, ...]:
        """The titles of what looks otherwise than it did."""
        return tuple([line.title for line in self.lines if line.shift.verdict == "moved"]
                     + (["Share refused"] if self.refusals == "moved" else []))


def list_drift(engine: Engine, at: datetime) -> tuple[VersionDrift, ...]:
    """Every version that has read anything here."""
    return tuple(_drift_of(engine, key, version, at) for key, version in model_runs.list_versions())


def tell(engine: Engine, at: datetime) -> Iterator[Metric]:
    """The distances and their lower ends as gauges; nothing of what has too few images."""
    labels = ("model", "version", "measure")
    far = GaugeMetricFamily("secondread_drift_distance", "Kolmogorov's distance of the last images to the reference.",
                            labels=labels)
    sure = GaugeMetricFamily("secondread_drift_distance_low", "The lower end of its interval: above 0, it has moved.",
                             labels=labels)
    for one in list_drift(engine, at):
        for line in one.lines:
            if line.shift.distance is not None and line.shift.low is not None:
                far.add_metric((one.spec.key, one.spec.version, line.key), line.shift.distance)
                sure.add_metric((one.spec.key, one.spec.version, line.key), line.shift.low)
    yield from (far, sure)


def _drift_of(engine: Engine, key: str, version: str, at: datetime) -> VersionDrift:
    spec = engine.recorded_spec(key, version)
    rows = model_runs.list_looks(key, version, since=at - PERIOD, most=LAST)
    card = load_reference(spec) if spec.own is None else None
    if card is not None and card.images >= LEAST:
        return _judged(spec, rows, "card", card, card)
    first = model_runs.list_looks(key, version, most=FIRST, oldest=True)
    # The first images must not be compared with themselves.
    separate = len(first) == FIRST and not model_runs.overlaps(key, version, FIRST, LAST)
    return _judged(spec, rows, "first" if separate else "none", card, _as_reference(first if separate else []))


def _judged(spec: ModelSpec, rows: Sequence[dict[str, Any]], source: str, card: Reference | None,
            reference: Reference) -> VersionDrift:
    now, before = rate_of(_refused(rows), len(rows)), rate_of(reference.refused, reference.images)
    few = card.values if card and source != "card" else {}
    return VersionDrift(spec=spec, source=source, card=card, images=len(rows), against=reference.images,
                        lines=tuple(_line(key, _values(rows, key), reference.values.get(key, ()), few.get(key, ()))
                                    for key in MEASURES if _values(rows, key)),
                        refused_now=now, refused_before=before, refusals=rates_differ(now, before))


def _line(key: str, now: Sequence[float], before: Sequence[float], few: Sequence[float]) -> Line:
    title, unit = MEASURES[key]
    told = f"{min(few):.3g} to {max(few):.3g}" if few else ""
    shift = compare(now, before, len(MEASURES))
    drawn = histogram(now, before)
    if drawn is None:
        return Line(key=key, title=title, unit=unit, shift=shift, few=told)
    top = max(*drawn.now, *drawn.before)
    return Line(key=key, title=title, unit=unit, shift=shift, least=f"{drawn.least:.3g}", most=f"{drawn.most:.3g}",
                now=_outline(drawn, "now", top), before=_outline(drawn, "before", top) if before else "", few=told)


def _outline(drawn: Histogram, which: str, top: float) -> str:
    return outline(drawn.now if which == "now" else drawn.before, WIDTH, HEIGHT, top)


def _as_reference(rows: Sequence[dict[str, Any]]) -> Reference:
    return Reference(images=len(rows), refused=_refused(rows), what="", command="",
                     values={key: tuple(_values(rows, key)) for key in MEASURES})


def _refused(rows: Sequence[dict[str, Any]]) -> int:
    return sum(row["outcome"] == "refused" for row in rows)


def _values(rows: Sequence[dict[str, Any]], key: str) -> list[float]:
    if key == "side":
        return [float(min(row["width"], row["height"])) for row in rows if row["width"] and row["height"]]
    assert key in LOOKS
    return [float(row[key]) for row in rows if row[key] is not None]
