"""A field for a number as clinicians type it: with a point or with a comma."""

from __future__ import annotations

import math
from typing import Any

from wtforms import StringField


class NumberField(StringField):
    """`data` is a finite float, or None when nothing was typed; what cannot be read as one is an error."""

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else f"{self.data:g}"

    def process_formdata(self, valuelist: list[Any]) -> None:
        typed = str(valuelist[0]).strip() if valuelist else ""
        self.data = _number(typed) if typed else None


def _number(typed: str) -> float:
    try:
        value = float(typed.replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError("Give a number, for example 0.5.")
    return value
