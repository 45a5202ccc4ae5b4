"""The pixel size that a TIFF states: taken where it can be one, passed over where it is a printer's wish."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.imaging.header import read_header
from models.imaging.limits import OUR_OWN

INCH, CENTIMETRE, NOTHING = 2, 3, 1


def stated(**tags: float) -> float | None:
    buffer = BytesIO()
    Image.new("RGB", (6, 4)).save(buffer, "TIFF", **tags)
    return read_header(buffer.getvalue(), OUR_OWN).um_per_px


@settings(max_examples=40, deadline=None)
@given(st.floats(0.06, 19))
def test_what_a_microscope_states_is_read(side: float) -> None:
    per_centimetre, per_inch = 10_000 / side, 25_400 / side
    assert stated(resolution_unit=CENTIMETRE, x_resolution=per_centimetre,
                  y_resolution=per_centimetre) == pytest.approx(side, rel=1e-3)
    assert stated(resolution_unit=INCH, x_resolution=per_inch, y_resolution=per_inch) == pytest.approx(side, rel=1e-3)


@pytest.mark.parametrize(("unit", "across", "down"), [
    (INCH, 72, 72), (INCH, 300, 300), (CENTIMETRE, 118, 118), (NOTHING, 20_000, 20_000), (INCH, 0, 0),
    (CENTIMETRE, 20_000, 10_000), (CENTIMETRE, 4e6, 4e6)])
def test_what_cannot_be_a_microscopes_pixel_is_passed_over(unit: int, across: float, down: float) -> None:
    assert stated(resolution_unit=unit, x_resolution=across, y_resolution=down) is None


def test_a_tiff_may_say_nothing() -> None:
    assert stated() is None
