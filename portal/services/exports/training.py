"""Reviewed images as training sets: how many there are of what, and what is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from models.engine import Engine
from models.spec import Measure, ModelSpec
from portal.services.errors import NotFound
from portal.services.exports.settling import REASONS, Settled, settle
from portal.services.exports.tables import TableKind, table_of
from portal.storage.reviewed import Reviewed, walk_reviewed

FEW_OPTIONS = 6
"""Of a question with more options, only those that occur are shown."""
FINEST = 5
"""A score up to this is counted by whole points, a larger one by quarters of its range."""
LAST_STEP = 1e-9


@dataclass(frozen=True, kw_only=True)
class Bar:
    """How many images are of one class, or between two scores; `share` of the largest bar beside it, 0..1."""

    label: str
    count: int
    share: float


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One class, score or question, and its bars."""

    title: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """The reviewed images of one system (of all the members of a family) that this reader may take away."""

    key: str
    title: str
    demonstration: bool
    table: TableKind
    images: int
    corrected: int | None
    """Of them, those in which a reader corrected nuclei; None where there are none to correct."""
    charts: tuple[Chart, ...]
    left_out: tuple[tuple[str, int], ...]


@dataclass(frozen=True, kw_only=True)
class System:
    """A family of systems as one: the member that names it, and the keys of all."""

    spec: ModelSpec
    keys: tuple[str, ...]


def reader_of(user_id: int, role: str) -> int | None:
    """Whose images a training set is made of: an administrator's of all cases, a clinician's of those they read."""
    return None if role == "admin" else user_id


def list_systems(engine: Engine) -> list[System]:
    """Every family once, under the member that it is named after."""
    families: dict[str, list[ModelSpec]] = {}
    for spec in engine.specs():
        families.setdefault(spec.family or spec.key, []).append(spec)
    return [System(spec=next((one for one in members if one.key == name), members[0]),
                   keys=tuple(one.key for one in members)) for name, members in families.items()]


def find_system(engine: Engine, key: str) -> System:
    """Raises NotFound."""
    found = next((one for one in list_systems(engine) if one.spec.key == key), None)
    if found is None:
        raise NotFound
    return found


def list_training_sets(engine: Engine, reader_id: int | None) -> list[TrainingSet]:
    """Every system, those with the most images first."""
    found = [count_set(system, reader_id) for system in list_systems(engine)]
    return sorted(found, key=lambda one: (-one.images, not one.left_out, one.title))


def walk_settled(system: System, reader_id: int | None) -> Iterator[tuple[Sequence[Reviewed], Settled | str]]:
    """Each picture with what it is taken to show, or why it is left out."""
    for same in walk_reviewed(reader_id, system.keys):
        yield same, settle(system.spec, same)


def charts_of(spec: ModelSpec, counts: Counter[tuple[str, str]]) -> tuple[Chart, ...]:
    """The bars of what was counted by `things_of`."""
    charts = []
    if spec.labels:
        charts.append(_chart("Class", "label", [one.name for one in spec.labels], counts))
    for measure in spec.measures:
        if measure.step and measure.most:
            charts.append(_chart(measure.title, measure.key, buckets_of(measure), counts))
    for question in spec.questions:
        options = [one for one in question.options
                   if len(question.options) <= FEW_OPTIONS or counts[question.key, one]]
        charts.append(_chart(question.title, question.key, options, counts))
    return tuple(charts)


def things_of(spec: ModelSpec, settled: Settled) -> list[tuple[str, str]]:
    """In which bars an image is counted, as chart and bar."""
    found = [("label", settled.label)] if settled.label else []
    found += [(one.key, bucket_of(one, settled.numbers[one.key])) for one in spec.measures
              if one.step and one.most and one.key in settled.numbers]
    return [*found, *settled.answers.items()]


def bucket_of(measure: Measure, value: float) -> str:
    """Between which two scores a value lies; the largest score is in the last bucket."""
    names = buckets_of(measure)
    return names[min(len(names) - 1, int(value / (measure.most or 1) * len(names) + LAST_STEP))]


def buckets_of(measure: Measure) -> list[str]:
    most = measure.most or 1
    number = max(1, round(most)) if most <= FINEST else 4
    edges = [most * place / number for place in range(number + 1)]
    return [f"{low:g} to {'' if high == most else 'below '}{high:g}"
            for low, high in pairwise(edges)]


def count_set(system: System, reader_id: int | None) -> TrainingSet:
    """What the training set of one system would hold now."""
    counts, left_out = Counter[tuple[str, str]](), Counter[str]()
    images = corrected = 0
    for _same, settled in walk_settled(system, reader_id):
        if isinstance(settled, str):
            left_out[settled] += 1
        else:
            images += 1
            corrected += bool(settled.opinion.review.corrections)
            counts.update(things_of(system.spec, settled))
    spec = system.spec
    return TrainingSet(key=spec.key, title=spec.title, demonstration=bool(spec.demonstration), table=table_of(spec),
                       images=images, corrected=corrected if spec.recount else None,
                       charts=charts_of(spec, counts) if images else (),
                       left_out=tuple((reason, left_out[reason]) for reason in REASONS if left_out[reason]))


def _chart(title: str, key: str, names: Sequence[str], counts: Counter[tuple[str, str]]) -> Chart:
    most = max((counts[key, name] for name in names), default=0) or 1
    return Chart(title=title, bars=tuple(Bar(label=name, count=counts[key, name], share=counts[key, name] / most)
                                         for name in names))
