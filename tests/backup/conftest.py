"""Two portals: a filled one that is backed up, and an empty place to restore to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from config import ObjectStorage
from portal.app import create_app
from portal.extensions import db
from portal.services.backup.make import Source
from portal.services.backup.restore import Place
from tests.conftest import make_settings
from tests.support import databases
from tests.support.filled import fill

PASSPHRASE = "a lantern over the harbour"


@pytest.fixture
def filled(app: Flask) -> Flask:
    """A portal with rows in every table, on each database."""
    fill(app)
    return app


@pytest.fixture
def source(filled: Flask) -> Source:
    return source_of(filled)


def source_of(app: Flask) -> Source:
    with app.app_context():
        return Source(settings=app.extensions["settings"], store=app.extensions["files"], engine=db.engine,
                      written={"PORTAL_INSTANCE": "/there"})


def place_of(app: Flask) -> Place:
    with app.app_context():
        return Place(settings=app.extensions["settings"], store=app.extensions["files"], engine=db.engine)


@pytest.fixture
def empty_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Flask]]:
    """Makes a portal without anything on the named database; its files go into an object storage, or into a folder."""
    made: list[Flask] = []

    def make(database: str, where: ObjectStorage | None = None) -> Flask:
        url = databases.create_mysql(databases.SCRATCH) if database == "mysql" else ""
        made.append(create_app(make_settings(tmp_path_factory.mktemp("empty"), url, object_storage=where)))
        return made[-1]

    yield make
    for app in made:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
        if not app.extensions["settings"].database_url.startswith("sqlite"):
            databases.drop_mysql(databases.SCRATCH)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "one.backup"
