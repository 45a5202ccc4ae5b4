"""Where the bytes of a slide lie that is to be taken in: sent by a browser, or in the import folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from config import Settings
from portal.services.jobs.work import JobFailed
from portal.services.slides import folder
from portal.storage import deliveries
from portal.storage.incoming import EXTENSION, Incoming
from portal.storage.tables.jobs import Job

GONE = "What was sent is no longer here. Send the file again."
GONE_FROM_FOLDER = "The file is no longer in the import folder. Put it there again."


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file as it was sent, what is to become of it, and the name of its work folder."""

    path: Path
    name: str
    stored_as: str
    model: str
    um_per_px: float | None

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def state(self) -> tuple[int, int]:
        """Changes when the file does."""
        found = self.path.stat()
        return found.st_size, found.st_mtime_ns


def find_source(settings: Settings, job: Job) -> Source:
    """Raises JobFailed when it is gone."""
    return _from_folder(settings, job) if "file" in job.params else _sent(settings, job)


def _sent(settings: Settings, job: Job) -> Source:
    delivery = deliveries.load_delivery(int(job.params["delivery"]))
    path = Incoming(settings.incoming).path(delivery.stored_as) if delivery else None
    if delivery is None or path is None or not path.is_file():
        raise JobFailed(GONE)
    return Source(path=path, name=delivery.name, stored_as=delivery.stored_as, model=delivery.model,
                  um_per_px=delivery.um_per_px)


def _from_folder(settings: Settings, job: Job) -> Source:
    path = folder.find_file(settings.import_folder, job.case_id or 0, str(job.params["file"]))
    if path is None:
        raise JobFailed(GONE_FROM_FOLDER)
    return Source(path=path, name=path.name, stored_as=f"job-{job.id}{EXTENSION}",
                  model=str(job.params.get("model", "")), um_per_px=job.params.get("um_per_px"))
