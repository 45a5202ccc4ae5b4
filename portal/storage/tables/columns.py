"""Kinds of columns that mean the same on SQLite and MariaDB. Times are UTC without a zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, DateTime, Integer, LargeBinary, String, Text
from sqlalchemy.dialects.mysql import DATETIME, MEDIUMBLOB, MEDIUMTEXT, VARCHAR

Moment = DateTime().with_variant(DATETIME(fsp=6), "mysql", "mariadb")
# MySQL's default collation takes josé@ and jose@ for one address.
Exact = String(254).with_variant(VARCHAR(254, collation="utf8mb4_bin"), "mysql", "mariadb")
Long = Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb")
# SQLite's every integer has eight bytes.
Large = BigInteger().with_variant(Integer(), "sqlite")
Piece = LargeBinary().with_variant(MEDIUMBLOB(), "mysql", "mariadb")


AHEAD = timedelta(minutes=5)
"""By how much one machine's clock may be ahead of another's. What lies further ahead was written before a clock was
set back, and nobody waits until the clock is there again.
"""


def now() -> datetime:
    """The present moment as the tables store it: UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)
