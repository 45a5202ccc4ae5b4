"""Row ids in addresses."""

from __future__ import annotations

from werkzeug.routing import IntegerConverter, Map

LARGEST = 2**31 - 1


class IdConverter(IntegerConverter):
    """`<id:…>`: a number that an id column can hold; a larger one is 404, not a failure of the database."""

    def __init__(self, map: Map) -> None:
        super().__init__(map, min=1, max=LARGEST)
