"""A report of many images as a PDF that its owner fetches."""

from __future__ import annotations

from typing import Any, cast

from portal.services.errors import NotFound, ReportDamaged, StillVeiled
from portal.services.jobs.product import kept, workshop
from portal.services.jobs.queue import Order
from portal.services.jobs.work import JobFailed, Work
from portal.services.reports import documents
from portal.services.reports.pdf.document import Paper
from portal.storage.tables.columns import now

NAME = "report"
PATIENCE = 300.0
MANY_IMAGES = 30
"""A report of more takes longer than somebody waits for a page (200 took 66 s)."""
GONE = "This case is not yours to read any more, or the report is not there."
VEILED = "This case is read blind, and the report tells what others and the model said. Review what waits first."
DAMAGED = "The report is not what was signed. Tell your administrator: the database may have been changed by hand."


def order(case_id: int, number: int | None, paper: Paper) -> Order:
    """The order for a signed report by its number, or for what stands now."""
    title = f"Report {number}" if number else "Report"
    return Order(kind=NAME, title=f"{title} of case {case_id} (PDF)", case_id=case_id,
                 params={"number": number, "paper": paper})


def run(work: Work) -> dict[str, Any]:
    """As its owner may see the case now."""
    try:
        made = _document(work)
    except NotFound as problem:
        raise JobFailed(GONE) from problem
    except StillVeiled as problem:
        raise JobFailed(VEILED) from problem
    except ReportDamaged as problem:
        raise JobFailed(DAMAGED) from problem
    with workshop(work.settings) as folder:
        path = folder / "report.pdf"
        path.write_bytes(made.data)
        return kept(work, path, made.name, "application/pdf")


def _document(work: Work) -> documents.Document:
    job, drawn = work.job, iter(range(1, 10**9))
    asked, case_id, owner_id = job.params, job.case_id or 0, job.owner_id

    def step() -> None:
        number = next(drawn)
        work.progress(number, 0, f"{number} pictures drawn")

    store, paper = work.desk.store, cast(Paper, asked["paper"])
    if asked["number"]:
        return documents.signed_report(store, case_id, asked["number"], owner_id, paper, step)
    return documents.current_report(work.desk.engine, store, case_id, owner_id, paper, now(), step)
