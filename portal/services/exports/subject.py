"""All that is held about one pseudonym, as a ZIP: a folder per case, and an index that a person can read."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any

from portal.services.errors import ReportDamaged
from portal.services.reports.documents import draw_signed
from portal.storage import subjects
from portal.storage.files import Files, FilesUnavailable
from portal.storage.subjects import as_dict
from portal.storage.tables.cases import Case, Image

Step = Callable[[], None]
INDEX = """All that SecondRead holds about one pseudonym
Made {made}. Research use only, not a diagnosis.

{cases}
In the folder of each case
  case.json         the case, its images, jobs, and files on their way in
  images/           the images as they are stored, without the metadata of the camera
  predictions/      what each version of a model said, with the readings of every reader, and drafts
  drawings.json     every drawing in every state
  reports/          signed reports, as PDF and as what was signed (JSON)
  audit.jsonl       who did what to the case, an event per line; times are UTC

Not in here: backups, what somebody has downloaded earlier, files in the import folder, and what a fine-tuned version
of a model may have learnt from these images.
{problems}"""


@dataclass(kw_only=True)
class _Writing:
    """A ZIP under way; `problems` are told in the index."""

    archive: zipfile.ZipFile
    store: Files
    step: Step
    problems: list[str] = field(default_factory=list)

    def put_json(self, name: str, content: Any) -> None:
        text = json.dumps(content, indent=2, ensure_ascii=False, sort_keys=True, default=_plain)
        self.archive.writestr(name, text)
        self.step()

    def put_file(self, name: str, stored_as: str) -> None:
        try:
            self.archive.write(self.store.local(stored_as), name, zipfile.ZIP_STORED)
        except FileNotFoundError:
            self.problems.append(f"{name}: the file is missing from the portal's store.")
        self.step()


def write(path: Path, store: Files, cases: list[Case], made: datetime, step: Step) -> None:
    """The ZIP at `path`. `step` is called after every piece; what it raises ends the making."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        writing = _Writing(archive=archive, store=store, step=step)
        for case in cases:
            _write_case(writing, case)
        lines = "".join(f"  case-{one.id}/  {one.specimen}, opened {one.created_at:%Y-%m-%d} by {one.owner.name}\n"
                        for one in cases)
        problems = "".join(f"\n! {one}" for one in writing.problems)
        archive.writestr("INDEX.txt", INDEX.format(made=f"{made:%Y-%m-%d %H:%M} UTC", problems=problems,
                                                   cases=f"Pseudonym: {cases[0].patient}\n{lines}"))


def _write_case(writing: _Writing, case: Case) -> None:
    folder, images = f"case-{case.id}", subjects.list_images(case.id)
    deliveries, jobs = subjects.list_under_way(case.id)
    writing.put_json(f"{folder}/case.json", {
        **as_dict(case), "owner": case.owner.name,
        "images": [{**as_dict(one, "stored_as"), "file": _name(one)} for one in images],
        "on_their_way": [as_dict(one, "stored_as") for one in deliveries],
        "jobs": [as_dict(one, "lease", "leased_until", "worker", "result") for one in jobs]})
    for image in images:
        writing.put_file(f"{folder}/{_name(image)}", image.stored_as)
    predictions = list(subjects.list_prediction_ids([case.id]))
    for prediction_id in predictions:
        _write_prediction(writing, folder, prediction_id)
    writing.put_json(f"{folder}/drawings.json", [
        {**as_dict(one), "reader": one.reader.name} for image in images for one in subjects.list_drawn(image.id)])
    _write_reports(writing, folder, case.id)
    about = [f"case:{case.id}", *(f"image:{one.id}" for one in images), *(f"prediction:{one}" for one in predictions),
             *(f"job:{one.id}" for one in jobs)]
    writing.archive.writestr(f"{folder}/audit.jsonl", "".join(_events(about)))


def _write_prediction(writing: _Writing, folder: str, prediction_id: int) -> None:
    prediction = subjects.load_prediction(prediction_id)
    assert prediction is not None
    reviews, drafts = subjects.list_said(prediction_id)
    writing.put_json(f"{folder}/predictions/{prediction_id}.json", {
        **as_dict(prediction), "reviews": [{**as_dict(one), "reader": one.reader.name} for one in reviews],
        "drafts": [as_dict(one) for one in drafts]})


def _write_reports(writing: _Writing, folder: str, case_id: int) -> None:
    for report in subjects.list_reports(case_id):
        name = f"{folder}/reports/report-{report.number}"
        writing.put_json(f"{name}.json", {**as_dict(report), "signer": report.signer.name})
        try:
            writing.archive.writestr(f"{name}.pdf", draw_signed(writing.store, report, "a4", writing.step).data)
        except FilesUnavailable:
            raise
        except (ReportDamaged, OSError):
            writing.problems.append(f"{name}.pdf: the report cannot be drawn; what is stored of it is in the JSON.")


def _events(about: list[str]) -> Iterator[str]:
    for one in subjects.walk_events(about):
        line = {**as_dict(one), "actor": one.actor.name if one.actor else None}
        yield json.dumps(line, ensure_ascii=False, sort_keys=True, default=_plain) + "\n"


def _name(image: Image) -> str:
    return f"images/{image.id}-{image.sha256[:8]}{PurePath(image.stored_as).suffix}"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC).isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)
