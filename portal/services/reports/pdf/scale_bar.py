"""How long a scale bar is: a round number of micrometres, about a fifth of the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

SHARE = 0.25
"""Of the picture's width, which no bar exceeds."""


@dataclass(frozen=True, kw_only=True)
class ScaleBar:
    """A length on the specimen, and the same as a share of the picture's width."""

    um: float
    share: float

    @property
    def text(self) -> str:
        return f"{self.um / 1000:g} mm" if self.um >= 1000 else f"{self.um:g} µm"


def scale_bar(width: int, um_per_px: float) -> ScaleBar:
    """The longest of 1, 2, 5, 10, … µm that fits for a picture `width` pixels wide."""
    whole = width * um_per_px
    magnitude = 10.0 ** math.floor(math.log10(whole * SHARE))
    um = next(step * magnitude for step in (5, 2, 1) if step * magnitude <= whole * SHARE or step == 1)
    return ScaleBar(um=round(um, 6), share=round(um, 6) / whole)
