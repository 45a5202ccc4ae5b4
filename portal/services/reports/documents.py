"""A case's report as a PDF: what was signed, from its snapshot; else a preview that says so on every page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

from models.engine import Engine
from portal.services.blind import is_veiled
from portal.services.cases import get_case, load_images
from portal.services.errors import NotFound, ReportDamaged, StillVeiled
from portal.services.reports import snapshot
from portal.services.reports.pdf.document import Paper, Seal, render
from portal.services.reports.pictures import Pictures
from portal.services.reports.signing import changes_since, count_veiled
from portal.services.reports.snapshot import Content
from portal.storage import reports
from portal.storage.files import Files
from portal.storage.tables.readings import Report

Step = Callable[[], None]
"""Called before each picture; what it raises ends the making."""


def nothing() -> None:
    """The step of somebody who only waits."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """A PDF and the name to keep it under, which tells nobody's pseudonym."""

    name: str
    data: bytes


def current_report(engine: Engine, store: Files, case_id: int, reader_id: int, paper: Paper,
                   at: datetime, step: Step = nothing) -> Document:
    """The last signed report while nothing changed, else an unsigned preview. Raises NotFound or ReportDamaged."""
    case = get_case(case_id, reader_id)
    images, number = load_images(case), reports.last_number(case_id)
    last = reports.find_report(case_id, number) if number else None
    changes = None
    if last and not count_veiled(case, images, reader_id):
        changes = changes_since(engine, case, images, last)
        if not changes:
            return draw_signed(store, last, paper, step)
    content = snapshot.take(engine, case, images, reader_id, uploaders=reports.list_uploaders(images))
    content["since"] = {"number": last.number, "by": last.signer.name, "at": snapshot.stamp(last.signed_at),
                        "changes": [asdict(one) for one in changes] if changes else []} if last else None
    data = render(content, Pictures(store, step).draw, paper, Seal(at=snapshot.stamp(at)))
    return Document(name=f"secondread-case-{case_id}-not-signed.pdf", data=data)


def signed_report(store: Files, case_id: int, number: int, reader_id: int, paper: Paper,
                  step: Step = nothing) -> Document:
    """A signed report as it was. Raises NotFound, StillVeiled or ReportDamaged."""
    case = get_case(case_id, reader_id)
    report = reports.find_report(case_id, number)
    if report is None:
        raise NotFound
    told = {one["id"] for image in report.content["images"] for one in image["predictions"]}
    if any(one.id in told and is_veiled(case, one, reader_id)
           for image in load_images(case) for one in image.predictions):
        raise StillVeiled
    return draw_signed(store, report, paper, step)


def draw_signed(store: Files, report: Report, paper: Paper, step: Step = nothing) -> Document:
    """Whoever asks: who may is the caller's to know. Raises ReportDamaged."""
    content: Content = report.content
    if snapshot.digest_of(content) != report.sha256:
        raise ReportDamaged
    data = render(content, Pictures(store, step).draw, paper, Seal(at=content["signature"]["at"], sha256=report.sha256))
    return Document(name=f"secondread-case-{report.case_id}-report-{report.number}.pdf", data=data)
