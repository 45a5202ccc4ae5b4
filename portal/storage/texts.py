"""Queries for a text: in a case's own words, or in the name of one of its images."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select

from portal.extensions import db
from portal.storage.tables.cases import Case, CaseReader, Image

READERS_CASES = "FORCE INDEX (ix_case_readers_user_case)"
TOGETHER = 64
"""Ids that come in one row: PyMySQL takes its time over each, and MySQL cuts a list at 1024 letters."""


@dataclass(frozen=True, kw_only=True)
class Holders:
    """The cases that hold a text in their own words, and those in which only names of images do."""

    cases: tuple[int, ...]
    named: tuple[int, ...]

    @property
    def all(self) -> tuple[int, ...]:
        return self.cases + self.named


def find_holders(reader_id: int, text: str) -> Holders:
    """Of this reader's cases, which are read once: what others have costs nothing."""
    ids, own = CaseReader.case_id, in_case(text).label("own")
    query = (select(own, func.group_concat(ids)).join(Case, Case.id == ids)
             .where(CaseReader.user_id == reader_id, in_case_or_names(text)).group_by(ids // TOGETHER, "own"))
    for dialect in ("mysql", "mariadb"):
        query = query.with_hint(CaseReader, READERS_CASES, dialect).prefix_with("STRAIGHT_JOIN", dialect=dialect)
    found: dict[bool, list[int]] = {True: [], False: []}
    for of_case, together in db.session.execute(query):
        found[bool(of_case)] += map(int, together.split(","))
    return Holders(cases=tuple(found[True]), named=tuple(found[False]))


# LIKE takes no notice of case on these databases; the lower() of `icontains` would double what it costs.
def in_case(text: str) -> ColumnElement[bool]:
    """A condition on `cases`."""
    return or_(*(column.contains(text, autoescape=True) for column in (Case.patient, Case.specimen, Case.note)))


def in_case_or_names(text: str) -> ColumnElement[bool]:
    """A condition on `cases`: the names of its images hold it, or its own words do."""
    return or_(in_case(text), Case.image_names.contains(text, autoescape=True))


def in_name(text: str) -> ColumnElement[bool]:
    """A condition on `images`."""
    return Image.name.contains(text, autoescape=True)
