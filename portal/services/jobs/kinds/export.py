"""A history or a training set too large to wait for, as a file that its owner fetches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, TypeVar, cast

from models.engine import Engine
from portal.services import audit
from portal.services.errors import NotFound
from portal.services.exports import bundle, files, history, training
from portal.services.exports.history import Wanted, Which
from portal.services.jobs.product import kept, workshop
from portal.services.jobs.queue import Order
from portal.services.jobs.work import JobFailed, Work
from portal.storage.cases import CaseFilter
from portal.storage.tables.columns import now

NAME = "export"
PATIENCE = 600.0
FORMS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson; charset=utf-8",
         "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
TITLES = {"csv": "table", "jsonl": "objects", "xlsx": "Excel"}
GONE = "This system is not here any more, so there is no training set of it."
NOTED_EVERY = 100
T = TypeVar("T")


def history_order(actor: audit.Actor, reader_id: int, cases: CaseFilter, reviews: Which, form: str) -> Order:
    """The order for a history; that it is taken away is recorded now."""
    wanted = history.begin(actor, reader_id, cases, reviews, form)
    return Order(kind=NAME, title=f"History as {TITLES[form]} ({form.upper()})", params={
        "what": "history", "form": form, "reviews": reviews, "last": wanted.last,
        "cases": {name: value.isoformat() if isinstance(value, date) else value
                  for name, value in asdict(cases).items()}})


def training_set_order(actor: audit.Actor, engine: Engine, key: str, reader_id: int | None) -> Order:
    """The order for a training set, which is recorded now. Raises NotFound."""
    system = training.find_system(engine, key)
    bundle.begin(actor, system, reader_id)
    return Order(kind=NAME, title=f"Training set {system.spec.title}", params={"what": "training-set", "key": key})


def run(work: Work) -> dict[str, Any]:
    """The file holds what the owner may see when it is made."""
    with workshop(work.settings) as folder:
        return _history(work, folder) if work.job.params["what"] == "history" else _training_set(work, folder)


def _history(work: Work, folder: Path) -> dict[str, Any]:
    asked, engine = work.job.params, work.desk.engine
    wanted = Wanted(reader_id=work.job.owner_id, cases=_filter(asked["cases"]), reviews=cast(Which, asked["reviews"]),
                    last=asked["last"])
    form, path = asked["form"], folder / f"history.{asked['form']}"
    if form == "jsonl":
        _write(path, files.jsonl_of(_counted(work, history.walk_objects(engine, wanted), "answers")))
    else:
        columns = history.find_columns(engine, wanted)
        rows = _counted(work, history.walk_rows(engine, columns, wanted), "rows")
        if form == "csv":
            _write(path, files.csv_of(columns.names, rows))
        else:
            files.write_xlsx(path, columns.names, rows, history.about(wanted))
    # What was searched for may be a pseudonym: it is not kept for longer than it is wanted.
    work.job.params = {**asked, "cases": {**asked["cases"], "text": ""}}
    return kept(work, path, f"secondread-history-{now():%Y-%m-%d}.{form}", FORMS[form])


def _training_set(work: Work, folder: Path) -> dict[str, Any]:
    key, made, owner = work.job.params["key"], now(), work.job.owner
    try:
        system = training.find_system(work.desk.engine, key)
    except NotFound as problem:
        raise JobFailed(GONE) from problem
    reader_id = training.reader_of(owner.id, owner.role)
    path = folder / "set.zip"
    _write(path, _counted(work, bundle.stream_zip(system, work.desk.store, reader_id, made), "pieces"))
    work.job.params = {**work.job.params, "of_all": reader_id is None}
    return kept(work, path, f"secondread-{key}-training-{made:%Y-%m-%d}.zip", "application/zip")


def _counted(work: Work, things: Iterable[T], words: str) -> Iterator[T]:
    """The things as they are, while the job says how many there were."""
    for number, one in enumerate(things, start=1):
        if number % NOTED_EVERY == 0:
            work.progress(number, 0, f"{number:,} {words}")
        yield one


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        file.writelines(pieces)


def _filter(kept_as: dict[str, Any]) -> CaseFilter:
    days = {name: date.fromisoformat(kept_as[name]) for name in ("since", "until") if kept_as[name]}
    return CaseFilter(**{**kept_as, **days})
