"""How a share is written, on pages and on paper."""

from __future__ import annotations


def percent(share: float) -> str:
    """0.934 as "93.4 %"; what is not certain is never rounded to 0 or 100."""
    if 0 < share < 0.001:
        return "< 0.1 %"
    if 0.999 < share < 1:
        return "> 99.9 %"
    return f"{share * 100:.1f} %"
