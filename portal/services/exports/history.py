"""The whole history of a reader as a table (a row per answer and reader) or as objects (one per answer).

Nothing is kept between two rows: a hundred thousand take the memory of a few hundred.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Literal

from models.engine import Engine
from portal.extensions import db
from portal.services import audit
from portal.services.blind import HIDDEN
from portal.services.exports.cells import Cell, cell_of, flat
from portal.services.exports.columns import Columns, columns_of
from portal.services.latest import latest_of_each
from portal.services.reading import demonstration_fields
from portal.storage import exports
from portal.storage.cases import CaseFilter
from portal.storage.exports import Answer, Said

COUNTED = 20_000
"""A page counts no further, and nobody waits for the file of more."""
Which = Literal["latest", "all"]
"""Of each reader's reviews of an answer: the one that counts, or the corrected ones too."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What an export holds, for whom, and up to which answer."""

    reader_id: int
    cases: CaseFilter
    reviews: Which
    last: int


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How many answers there are, in figures ("0" without any), and whether they are too many to wait for."""

    figures: str
    large: bool


NOTHING = Extent(figures="0", large=False)


def begin(actor: audit.Actor, reader_id: int, cases: CaseFilter, reviews: Which, form: str) -> Wanted:
    """Record that this reader takes the history away, and say what it is. What was searched for is not recorded: it
    may be a patient's pseudonym.
    """
    filters = {name: True if name == "text" else str(value) for name, value in vars(cases).items() if value}
    wanted = Wanted(reader_id=reader_id, cases=cases, reviews=reviews, last=exports.last_answer())
    audit.record(actor, "history.export", format=form, reviews=reviews, filters=filters, last=wanted.last)
    db.session.commit()
    return wanted


def measure(reader_id: int, *, whole: bool) -> Extent:
    """How many answers the reader's history holds; but for the `whole` of it no more is counted than whether any."""
    most = COUNTED if whole else 0
    found = exports.count_answers(reader_id, most + 1)
    return Extent(figures=f"{found:,}" if found <= most else f"more than {most:,}", large=whole and found > most)


def find_columns(engine: Engine, wanted: Wanted) -> Columns:
    """The columns of this export: what its systems declare, and what else occurs in their scores."""
    specs = [engine.recorded_spec(*one) for one in exports.list_versions(wanted.reader_id, wanted.cases, wanted.last)]
    said, read = set[str](), set[str]()
    for model, scores, by_reader in exports.walk_scores(wanted.reader_id, wanted.cases, wanted.last):
        (read if by_reader else said).update(f"{model}.{name}" for name in flat(scores))
    return columns_of(specs, said, read)


def walk_rows(engine: Engine, columns: Columns, wanted: Wanted) -> Iterator[list[Cell]]:
    """A row per answer and review; an answer without a review is a row too."""
    nothing = columns.readings("", {})
    for one in _shown(engine, wanted):
        begins = [*_begins(one), *columns.scores(one.model, one.scores)]
        for said in one.reviews:
            yield [*begins, *_said(said), *columns.readings(one.model, said.scores or {})]
        if not one.reviews:
            yield [*begins, *[None] * 7, *nothing]


def walk_objects(engine: Engine, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """An object per answer, with its reviews, in the words of the command line's `predict`."""
    for one in _shown(engine, wanted):
        yield {
            "case": one.case_id, "patient": one.patient, "specimen": one.specimen, "image": one.image_id,
            "file": one.image_name, "sha256": one.sha256, "serial": one.serial, "group": one.group,
            "um_per_px": one.um_per_px, "prediction": one.id, "model": one.model, "version": one.version,
            "weights_sha256": one.weights_sha256, "outcome": one.outcome, "reason": one.reason, "label": one.label,
            "scores": one.scores, "findings": one.findings, "ms": None if one.veiled else one.ms,
            "demonstration": False, **demonstration_fields(one.demonstration), "made_at": _utc(one.created_at),
            "reviews": [_object(said) for said in one.reviews]}


def _shown(engine: Engine, wanted: Wanted) -> Iterator[Answer]:
    for one in exports.walk_answers(wanted.reader_id, wanted.cases, wanted.last):
        if one.veiled:
            yield _veil(engine, one)
        else:
            yield one if wanted.reviews == "all" else replace(
                one, reviews=tuple(latest_of_each(one.reviews, attrgetter("reader_id"))))


def _veil(engine: Engine, one: Answer) -> Answer:
    """Without what the model or another reader said. That a system only demonstrates is no news of this image: it is
    said of all its answers alike, for of a refused one alone it would tell.
    """
    return replace(one, outcome=HIDDEN, reason="", label=None, scores={}, findings=[], reviews=(),
                   demonstration=engine.recorded_spec(one.model, one.version).demonstration)


def _begins(one: Answer) -> list[Cell]:
    return [cell_of(value) for value in (
        one.case_id, one.patient, one.specimen, one.image_id, one.image_name, one.sha256, one.serial, one.group,
        one.um_per_px, one.id, one.model, one.version, one.weights_sha256, one.outcome, one.reason, one.label,
        bool(one.demonstration), _utc(one.created_at))]


def _said(said: Said) -> list[Cell]:
    return [cell_of(value) for value in (said.reader, said.reader_id, said.verdict, said.label, said.reason,
                                         said.blind, _utc(said.created_at))]


def _object(said: Said) -> dict[str, Any]:
    return {"reviewer": said.reader, "reviewer_id": said.reader_id, "verdict": said.verdict, "label": said.label,
            "scores": said.scores, "corrections": said.corrections, "reason": said.reason, "blind": said.blind,
            "reviewed_at": _utc(said.created_at)}


def _utc(moment: datetime) -> str:
    return moment.replace(tzinfo=UTC).isoformat(timespec="seconds")


def about(wanted: Wanted) -> tuple[str, ...]:
    """What somebody must know who finds the workbook without the portal."""
    return (
        "SecondRead: the history of one reader.",
        "Research use only, not a diagnosis. A model can be wrong with a high score.",
        "One row per answer of a system and per reader who reviewed it"
        + (": every review, corrected ones too." if wanted.reviews == "all" else ": the latest review of each."),
        "demonstration: yes – the system's scores only show that its machinery works; they mean nothing else.",
        "outcome: hidden – the case is read blind, and the one who made this file had not read the image yet.",
        "A score stands in a column <system>.<score>; what a reader gave instead in review.<system>.<score>.",
        "Times are UTC. An apostrophe before = + - or @ was put there so that no text is run as a formula.",
    )
