"""Skips a test for want of something, unless PORTAL_REQUIRE promised that it is there."""

from __future__ import annotations

import os

import pytest


def need(name: str, present: bool, reason: str) -> None:
    """Skip with the reason when `name` is absent; fail when the environment promised it."""
    if present:
        return
    if name in os.environ.get("PORTAL_REQUIRE", "").split():
        pytest.fail(f"PORTAL_REQUIRE promises {name}, but: {reason}")
    pytest.skip(reason)
