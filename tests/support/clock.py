"""A clock that a test moves: the portal's own (`columns.now`, and with it every table's defaults) and the cookies'."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest
from itsdangerous import TimestampSigner

from portal.storage.tables import columns


class Clock:
    """`move` sets it forward or back from where it is; `stand` stops it, so that a busy machine uses up no wait."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = timedelta(0)
        self.stood: datetime | None = None
        clock, stamp = self, TimestampSigner.get_timestamp

        class Moved(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Any:
                return (clock.stood.astimezone(tz) if clock.stood else datetime.now(tz)) + clock.ahead

        monkeypatch.setattr(columns, "datetime", Moved)
        monkeypatch.setattr(TimestampSigner, "get_timestamp",
                            lambda this: stamp(this) + int(clock.ahead.total_seconds()))

    def move(self, **by: float) -> None:
        self.ahead += timedelta(**by)

    def stand(self) -> None:
        """From now on only `move` moves it."""
        self.stood = datetime.now(UTC)
