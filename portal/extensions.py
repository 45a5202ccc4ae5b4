"""Extension objects, made here without an app so that every room can import them."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from typing import Any

from flask import current_app
from flask_bootstrap import Bootstrap5
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from flask_wtf import CSRFProtect
from itsdangerous import Signer
from sqlalchemy import Engine, MetaData, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase
from werkzeug.utils import import_string

log = logging.getLogger("portal.database")

MARIADB_LINE = "portal.storage.mariadb:Line"
# Named constraints, so that a migration can drop them on every database.
NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


# The library's own way to choose (its documentation names it): Flask-WTF offers no other for the tokens of forms.
Signer.default_digest_method = staticmethod(hashlib.sha256)


class Table(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(naming_convention=NAMING)


class RequestSession(Session):
    """A session whose end no answer depends on: what was to be kept is committed by then."""

    def close(self) -> None:
        """Where the database went away meanwhile, it undoes what is open by itself."""
        try:
            super().close()
        except DBAPIError as problem:
            log.warning("the database went away before a session ended", exc_info=problem)


db = SQLAlchemy(model_class=Table, disable_autonaming=True, session_options={"class_": RequestSession})
migrate = Migrate()
login_manager = LoginManager()
csrf = CSRFProtect()
bootstrap = Bootstrap5()


def secrets_of_app() -> tuple[str, ...]:
    """The secret key of the app that is running, then those that it had before."""
    settings = current_app.extensions["settings"]
    return (settings.secret_key, *settings.old_secret_keys)


@event.listens_for(Engine, "do_connect")
def _connect_mariadb(dialect: Any, _record: object, arguments: Any, options: Any) -> Any:
    """Imported only where there is a MariaDB: its client takes 10 MB."""
    return import_string(MARIADB_LINE)(*arguments, **options) if dialect.driver == "pymysql" else None


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: Any, _record: object) -> None:
    """WAL lets readers go on while one writes; SQLite checks foreign keys only when told to."""
    if not isinstance(connection, sqlite3.Connection):
        return
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=10000", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
