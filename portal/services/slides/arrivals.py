"""What of a case is not whole yet: begun by its reader, or lying in the import folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from config import Settings
from portal.services.slides import folder
from portal.services.slides.folder import FoundFile
from portal.storage import deliveries
from portal.storage.tables.cases import Case, Delivery


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """Slides that no job has taken up yet."""

    unfinished: Sequence[Delivery]
    folder: Sequence[FoundFile]


def describe(settings: Settings, case: Case, reader_id: int) -> Arrivals:
    """As this reader of the case may see it: what somebody began to send is theirs alone."""
    return Arrivals(unfinished=deliveries.list_unfinished(reader_id, case.id),
                    folder=folder.list_offered(settings.import_folder, case.id)[:folder.MOST_FILES])
