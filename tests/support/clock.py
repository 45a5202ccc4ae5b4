"""A clock that a test moves: the portal's own (`columns.now`, and with it every table's defaults) and the cookies'."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Any

import pytest
from itsdangerous import TimestampSigner

from portal.storage.tables import columns


class Clock:
    """`move` sets it forward or back from where it stands."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = timedelta(0)
        clock, stamp = self, TimestampSigner.get_timestamp

        class Moved(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Any:
                return datetime.now(tz) + clock.ahead

        monkeypatch.setattr(columns, "datetime", Moved)
        monkeypatch.setattr(TimestampSigner, "get_timestamp",
                            lambda this: stamp(this) + int(clock.ahead.total_seconds()))

    def move(self, **by: float) -> None:
        self.ahead += timedelta(**by)
