"""A scale bar is a round length that fits, and as long as it says."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.services.reports.pdf.scale_bar import SHARE, scale_bar


@given(width=st.integers(1, 200_000), um_per_px=st.floats(0.01, 100))
def test_a_bar_is_as_long_as_it_says_round_and_not_too_long(width: int, um_per_px: float) -> None:
    bar = scale_bar(width, um_per_px)
    assert math.isclose(bar.share * width * um_per_px, bar.um, rel_tol=1e-6)
    assert SHARE / 2.6 < bar.share <= SHARE * (1 + 1e-6)
    assert f"{bar.um:.0e}"[0] in "125"
    assert math.isclose(float(f"{bar.um:.0e}"), bar.um, rel_tol=1e-6)


@pytest.mark.parametrize(("width", "um_per_px", "text"), [
    (1000, 0.25, "50 µm"), (224, 0.25, "10 µm"), (96, 0.97, "20 µm"), (40_000, 0.5, "5 mm"), (100, 0.01, "0.2 µm")])
def test_a_bar_is_named_in_micrometres_or_millimetres(width: int, um_per_px: float, text: str) -> None:
    assert scale_bar(width, um_per_px).text == text
