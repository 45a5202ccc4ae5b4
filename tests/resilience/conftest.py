"""A portal whose database is still to be made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from portal.app import create_app
from portal.extensions import db
from tests.conftest import make_settings
from tests.support import databases

SCRATCH = f"secondread_resilience_{os.getpid()}"


@pytest.fixture(params=["sqlite", "mysql"])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """A portal whose database has no table at all."""
    url = databases.create_mysql(SCRATCH) if request.param == "mysql" else ""
    app = create_app(make_settings(tmp_path, url))
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    if url:
        databases.drop_mysql(SCRATCH)
