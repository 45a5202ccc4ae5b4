"""A portal in which one reader has something of every kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from tests.support.client import Client
from tests.support.estate import Estate, furnish

OWNER = "owner@clinic.example"


@pytest.fixture
def owner(login: Callable[..., Client]) -> Client:
    return login(OWNER)


@pytest.fixture
def estate(app: Flask, owner: Client, tmp_path: Path) -> Estate:
    return furnish(app, owner, tmp_path)
