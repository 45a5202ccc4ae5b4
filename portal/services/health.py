"""Whether the portal can do its work."""

from __future__ import annotations

import logging

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from models.engine import Engine
from portal.extensions import db

log = logging.getLogger("portal.health")


def check(engine: Engine) -> dict[str, bool]:
    """Each part and whether it is well; why not is in the log, not in the answer."""
    return {"database": _database_answers(), "models": all(state.ok or state.absent for state in engine.verify())}


def _database_answers() -> bool:
    try:
        db.session.execute(text("SELECT 1 FROM users LIMIT 1"))
    except SQLAlchemyError:
        log.exception("the database does not answer")
        return False
    return True
