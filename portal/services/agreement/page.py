"""What the agreement page shows: one system at a time, each of its scales, each pair that can be compared."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations

from models.engine import Engine
from models.spec import ModelSpec
from portal.services.agreement.compare import Comparison, compare_many, compare_two
from portal.services.agreement.gather import Readings, Which, pick, rate
from portal.services.agreement.plots import Axis, Cell, axis_of, cells_of
from portal.services.agreement.scales import Scale, scales_of
from portal.storage import agreement
from portal.storage.agreement import ReadingFilter

MOST_READINGS = 20_000
"""Of one system, that one page compares: the newest. More would say little more, and take seconds."""
THE_MODEL = "the model"
MOST_PAIRS = 45
"""Pairs of readers that are listed one by one: those of ten readers."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A system that was read: `key` and version for the address, and in words."""

    value: str
    title: str
    readings: int


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A table of a reader and the model: `cells` to draw, none where there are too many classes."""

    comparison: Comparison
    cells: tuple[Cell, ...]


@dataclass(frozen=True, kw_only=True)
class Section:
    """One scale: among the readers first, then each with the model, then pairs of readers."""

    title: str
    classes: tuple[str, ...]
    ordered: bool
    comparisons: tuple[Comparison, ...]
    axis: Axis
    tables: tuple[Drawn, ...]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """The page: the systems to choose from, and of the chosen one what can be compared."""

    systems: tuple[Choice, ...]
    chosen: str
    spec: ModelSpec | None
    demonstration: str
    images: int
    readings: int
    blind: int
    newest_only: bool
    pairs_left_out: bool
    sections: tuple[Section, ...]


def describe(engine: Engine, reader_id: int, system: str, which: Which, wanted: ReadingFilter) -> Agreement:
    """Agreement over what this reader may see; of the system that was read most where `system` is none of them."""
    counts = agreement.count_readings(reader_id, wanted)
    specs = {f"{model}:{version}": engine.recorded_spec(model, version) for model, version in counts}
    systems = tuple(Choice(value=value, title=f"{spec.title}, version {spec.version}", readings=number)
                    for (value, spec), number in zip(specs.items(), counts.values(), strict=True))
    systems = tuple(sorted(systems, key=lambda one: -one.readings))
    if not systems:
        return Agreement(systems=(), chosen="", spec=None, demonstration="", images=0, readings=0, blind=0,
                         newest_only=False, pairs_left_out=False, sections=())
    chosen = system if system in specs else systems[0].value
    return _agreement(systems, chosen, specs[chosen], reader_id, which, wanted)


def _agreement(systems: tuple[Choice, ...], chosen: str, spec: ModelSpec, reader_id: int, which: Which,
               wanted: ReadingFilter) -> Agreement:
    scales = scales_of(spec)
    key, _, version = chosen.rpartition(":")
    rows = agreement.list_readings(reader_id, key, version, wanted, MOST_READINGS,
                                   scores=any(one.score is not None for one in scales))
    readings = pick(rows, which)
    names = _names(readings.readers)
    return Agreement(
        systems=systems, chosen=chosen, spec=spec,
        demonstration=next((row.demonstration for row in rows if row.demonstration), ""),
        images=len(readings.by_prediction), readings=readings.total, blind=readings.blind,
        newest_only=len(rows) >= MOST_READINGS, pairs_left_out=len(names) * (len(names) - 1) // 2 > MOST_PAIRS,
        sections=tuple(_section(one, readings, names) for one in scales))


def _section(scale: Scale, readings: Readings, names: dict[int, str]) -> Section:
    ratings = rate(readings, list(names), scale)
    columns = {name: ratings.readers[:, number] for number, name in enumerate(names.values())}
    pairs = list(combinations(columns, 2))
    with_model = [compare_two(f"{name} and {THE_MODEL}", "model", scale, ratings.cases, places, ratings.model)
                  for name, places in columns.items()] if (ratings.model >= 0).any() else []
    among = [compare_two(f"{one} and {other}", "pair", scale, ratings.cases, columns[one], columns[other])
             for one, other in pairs] if len(pairs) <= MOST_PAIRS else []
    everybody = [compare_many(f"All {len(names)} readers", scale, ratings.cases, ratings.readers)] \
        if len(names) > 2 else []
    shown = tuple(one for one in (*everybody, *with_model, *among) if one.images or one.judged_not)
    return Section(title=scale.title, classes=scale.classes, ordered=scale.ordered, comparisons=shown,
                   axis=axis_of(shown), tables=tuple(Drawn(comparison=one, cells=cells_of(one))
                                                     for one in with_model if one.images))


def _names(reader_ids: list[int]) -> dict[int, str]:
    """By id in the order of the names; an address only where two share a name."""
    people = agreement.list_names(reader_ids)
    counted = Counter(name.casefold() for _id, name, _email in people)
    return {number: f"{name} ({email})" if counted[name.casefold()] > 1 else name for number, name, email in people}
