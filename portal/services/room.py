"""Whether there is room on the disk to take in more: asked before, so that nothing is accepted and then lost."""

from __future__ import annotations

import re
import shutil

from sqlalchemy.exc import DBAPIError

from config import Settings
from portal.services.errors import NoRoom

UPLOADS_FULL = ("The portal's disk is nearly full, so it takes nothing in any more. What is kept is safe. Tell your "
                "administrator; send it again when there is room.")
DATABASE_FULL = ("The database's disk is full. Nothing that was saved is lost, and what was sent just now was not "
                 "kept. Tell your administrator.")
MARIADB_FULL = (20, 1021, 1114)
FULL_IN_WORDS = re.compile(r"disk is full|\b(errno:|Errcode:|error) 28\b|\berrno: 135\b")
"""SQLite's, and what MariaDB passes on of its files, in three ways: 28 is "no space left on device", 135 no room for a
page."""


def check_room(settings: Settings, wanted: int = 0) -> None:
    """Raises NoRoom when less than the reserve would be left beside `wanted` bytes."""
    if shutil.disk_usage(settings.instance).free - wanted < settings.min_free_bytes:
        raise NoRoom(UPLOADS_FULL)


def is_disk_full(problem: DBAPIError) -> bool:
    """Whether the database said that its disk is full."""
    said = problem.orig
    number = said.args[0] if said is not None and said.args else ""
    return number in MARIADB_FULL or FULL_IN_WORDS.search(str(said)) is not None
