"""Queries for the rows of model runs: counted for the metrics, listed for the page on drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select

from portal.extensions import db
from portal.storage.tables.operations import ModelRun

LOOKS = ("brightness", "contrast", "sharpness", "saturation", "density", "um_per_px", "width", "height", "score")


@dataclass(frozen=True, kw_only=True)
class Counted:
    """So many runs that are alike. `within` counts those that took at most each of the asked times."""

    model: str
    version: str
    outcome: str
    reason: str
    findings: str
    runs: int
    timed: int
    ms: float
    within: tuple[int, ...]


def add_run(**values: Any) -> None:
    """The caller commits."""
    db.session.add(ModelRun(**values))


def last_before(moment: datetime) -> int:
    """The id up to which every run began before a moment; 0 without any."""
    query = select(ModelRun.id).where(ModelRun.at < moment).order_by(ModelRun.at.desc(), ModelRun.id.desc()).limit(1)
    return db.session.scalar(query) or 0


def count_runs(after: int, until: int | None, bounds: Sequence[float]) -> list[Counted]:
    """Runs with ids above `after` and up to `until`, alike ones together; `bounds` are milliseconds."""
    kind = (ModelRun.model, ModelRun.version, ModelRun.outcome, ModelRun.reason, ModelRun.findings)
    within = [func.sum(case((ModelRun.ms <= bound, 1), else_=0)) for bound in bounds]
    query = select(*kind, func.count(), func.count(ModelRun.ms), func.coalesce(func.sum(ModelRun.ms), 0.0), *within)
    query = query.where(ModelRun.id > after, *([] if until is None else [ModelRun.id <= until])).group_by(*kind)
    return [Counted(model=row[0], version=row[1], outcome=row[2], reason=row[3], findings=row[4], runs=row[5],
                    timed=row[6], ms=float(row[7]), within=tuple(int(one) for one in row[8:]))
            for row in db.session.execute(query)]


def list_versions() -> list[tuple[str, str]]:
    """Every model and version that has read anything."""
    rows = db.session.execute(select(ModelRun.model, ModelRun.version).distinct())
    return sorted((row.model, row.version) for row in rows)


def list_looks(model: str, version: str, *, since: datetime | None = None, most: int,
               oldest: bool = False) -> list[dict[str, Any]]:
    """How the last (or the oldest) read images looked and what came of them, at most `most`; newest first.

    Runs that never saw the image's pixels, and those kept before looks were, are left out.
    """
    columns = [getattr(ModelRun, name) for name in LOOKS]
    query = select(ModelRun.outcome, *columns).where(
        ModelRun.model == model, ModelRun.version == version, ModelRun.outcome.in_(("scored", "refused")),
        ModelRun.brightness.is_not(None), *([] if since is None else [ModelRun.at >= since]))
    query = query.order_by(ModelRun.id if oldest else ModelRun.id.desc()).limit(most)
    return [dict(row._mapping) for row in db.session.execute(query)]


def overlaps(model: str, version: str, first: int, last: int) -> bool:
    """Whether the first and the last so many looked-at runs share any: whether there are fewer than both together."""
    query = select(ModelRun.id).where(
        ModelRun.model == model, ModelRun.version == version, ModelRun.outcome.in_(("scored", "refused")),
        ModelRun.brightness.is_not(None)).limit(first + last)
    return (db.session.scalar(select(func.count()).select_from(query.subquery())) or 0) < first + last
