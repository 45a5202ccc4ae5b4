"""What MariaDB must allow the user of the serving processes, and nothing more. Pure but for the names of the tables."""

from __future__ import annotations

import re

from portal.storage.schema import KEPT, TRAIL, list_tables

NAME = re.compile(r"[A-Za-z0-9_.%:-]{1,80}", re.ASCII)


def statements(database: str, user: str, host: str) -> list[str]:
    """The GRANT statements for a user who may read and add everywhere, change and delete only where that is meant,
    and alter nothing. Raises ValueError for a name that would need escaping.
    """
    for name in (database, user, host):
        if not NAME.fullmatch(name):
            raise ValueError(f"only letters, digits and _ . % : - may stand in {name!r}")
    whom = f"'{user}'@'{host}'"
    told = [f"GRANT SELECT ON `{database}`.`alembic_version` TO {whom};"]
    for table in list_tables():
        told.append(f"GRANT {_rights(table)} ON `{database}`.`{table}` TO {whom};")
    return told


def _rights(table: str) -> str:
    if table in TRAIL:
        return "SELECT, INSERT"
    return "SELECT, INSERT, DELETE" if table in KEPT else "SELECT, INSERT, UPDATE, DELETE"
