"""Fixtures for services that keep things in the database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from flask import Flask

from portal.storage.tables.columns import now


@pytest.fixture
def inside(app: Flask) -> Iterator[Flask]:
    """An application context, as a service finds it."""
    with app.app_context():
        yield app


@pytest.fixture
def at() -> datetime:
    """The moment at which a test begins; it adds to it instead of waiting."""
    return now()
