"""Every kind of job that a worker of this version can do."""

from __future__ import annotations

from portal.services.jobs.kinds import (
    export,
    fit,
    folder_import,
    pseudonym_export,
    region_reading,
    report,
    slide_import,
    slide_reading,
)
from portal.services.jobs.work import Kind

KINDS: dict[str, Kind] = {one.NAME: one for one in (
    export, fit, folder_import, pseudonym_export, region_reading, report, slide_import, slide_reading)}
