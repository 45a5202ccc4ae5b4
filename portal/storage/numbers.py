"""Many numbers at once within a statement."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Dialect
from sqlalchemy.types import UserDefinedType


class Numbers(UserDefinedType[Sequence[int]]):
    """Whole numbers as the right side of IN, written into the statement: SQLite takes no more than 32,766 values beside
    it, and SQLAlchemy renders them one by one.
    """

    cache_ok = True

    def literal_processor(self, dialect: Dialect) -> Callable[[Sequence[int]], str]:
        return lambda numbers: f"({', '.join(str(int(one)) for one in numbers)})"
