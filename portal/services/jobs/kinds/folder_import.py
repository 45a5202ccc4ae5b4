"""Takes the images of a folder into a case and has them read: one part per file, one verdict for each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from config import Settings
from models.engine import UnknownModel
from portal.services import audit
from portal.services.cases import get_case
from portal.services.errors import NoRoom, NotFound
from portal.services.jobs.queue import Order
from portal.services.jobs.work import JobFailed, Work
from portal.services.pseudonyms import Doubt, doubts_about_file
from portal.services.pseudonyms import doubts_about as about
from portal.services.room import check_room
from portal.services.uploads import Verdict, receive_image
from portal.storage import import_folder

NAME = "folder-import"
PATIENCE = 600.0
GONE = "This case is not yours to read any more: nothing more of the folder was taken in."
NO_FOLDER = ("The worker has no import folder. Tell your administrator: PORTAL_IMPORT_FOLDER must be set for every "
             "worker.")
NO_SYSTEM = "The system that was to read these images is not installed any more. Ask again, with another one."
UNREADABLE = "The file is gone from the folder, or may not be read by the portal."


def order(settings: Settings, case_id: int, folder: str, model: str, um_per_px: float | None) -> Order:
    """The order for the images that lie in a folder of the case now. Raises NotFound when there is none."""
    files = import_folder.list_images(settings.import_folder, case_id, folder) if settings.import_folder else []
    if not files:
        raise NotFound
    return Order(kind=NAME, title=f"Take in {len(files)} images of {folder}", case_id=case_id,
                 params={"folder": folder, "files": files, "model": model, "um_per_px": um_per_px})


def doubts_about(settings: Settings, case_id: int, folder: str) -> tuple[tuple[Doubt, ...], int]:
    """What the folder's name or those of its images look like that tells who somebody is, and how many names do."""
    files = import_folder.list_images(settings.import_folder, case_id, folder) if settings.import_folder else []
    found = [doubts for doubts in (about(folder), *map(doubts_about_file, files)) if doubts]
    return tuple({one.code: one for doubts in found for one in doubts}.values()), len(found)


def run(work: Work) -> dict[str, Any]:
    """The same bytes are the same image, so a file that was taken in when a worker died is not taken in twice."""
    files, finished = work.job.params["files"], work.finished_parts()
    if work.settings.import_folder is None:
        raise JobFailed(NO_FOLDER)
    for number, name in enumerate(files):
        if number not in finished:
            told = _take_in(work, work.settings.import_folder, name)
            finished.add(number)
            work.keep(number, json.dumps(told).encode(), done=len(finished), total=len(files),
                      note=f"{len(finished)} of {len(files)} files")
    return {"files": [json.loads(content) for _number, content in sorted(work.parts().items())]}


def _take_in(work: Work, root: Path, name: str) -> dict[str, Any]:
    asked, owner_id, case_id = work.job.params, work.job.owner_id, work.job.case_id or 0
    try:
        get_case(case_id, owner_id)
        data = import_folder.read_image(root, case_id, asked["folder"], name, work.desk.limits.max_bytes)
        check_room(work.settings, len(data))
    except NotFound as problem:
        raise JobFailed(GONE) from problem
    except NoRoom as problem:
        raise JobFailed(str(problem)) from problem
    except OSError:
        return {"file": name, "outcome": "error", "reason": UNREADABLE, "image": None, "prediction": None}
    try:
        return _told(receive_image(work.desk, audit.Actor(user_id=owner_id), case_id, asked["model"], name, data,
                                   asked["um_per_px"]))
    except UnknownModel as problem:
        raise JobFailed(NO_SYSTEM) from problem


def _told(verdict: Verdict) -> dict[str, Any]:
    """Whether the file was read, and no word of what the model said: a job's page knows nothing of blind reading."""
    failed = verdict.outcome == "error"
    return {"file": verdict.file, "outcome": "error" if failed else "read", "reason": verdict.reason if failed else "",
            "image": verdict.image, "prediction": verdict.prediction}
