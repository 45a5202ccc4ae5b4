"""Plans and parts outlive the process that made them, and parts are read side by side but told in order."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.slides.reading import SlidePlan, in_turn, unpack_plan, with_smaller
from models.spec import Finding, Layer


def test_a_plan_comes_back_as_it_was_kept() -> None:
    plan = SlidePlan(width=70_000, height=50_001, um_per_px=0.2527, parts=3,
                     arrays={"places": np.arange(6).reshape(3, 2)},
                     findings=(Finding(code="in-domain", message="It µ belongs.", value=1.5, limit=0.5),))
    again = unpack_plan(plan.pack())
    assert (again.width, again.height, again.um_per_px, again.parts) == (70_000, 50_001, 0.2527, 3)
    assert (again.findings, again.is_refused) == (plan.findings, False)
    assert np.array_equal(again.arrays["places"], plan.arrays["places"])


@given(count=st.integers(0, 30), threads=st.integers(1, 5))
def test_parts_come_in_their_order(count: int, threads: int) -> None:
    found = list(in_turn(lambda number: bytes([number]), range(count), threads))
    assert found == [(number, bytes([number])) for number in range(count)]


def test_several_parts_are_read_at_once() -> None:
    together = threading.Barrier(3, timeout=20)

    def waits_for_others(number: int) -> bytes:
        together.wait()
        return b""

    assert len(list(in_turn(waits_for_others, range(6), 3))) == 6


def test_whoever_hands_out_numbers_may_stop() -> None:
    asked: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(100):
            if len(asked) >= 10:
                return
            asked.append(number)
            yield number

    assert [number for number, _part in in_turn(lambda _number: b"", numbers(), 2)] == list(range(10))


def test_a_part_that_fails_ends_the_reading() -> None:
    with pytest.raises(ZeroDivisionError):
        list(in_turn(lambda number: bytes([1 // (3 - number)]), range(10), 2))


@given(rows=st.integers(1, 90), columns=st.integers(1, 90), seed=st.integers(0, 99))
def test_one_hot_place_is_seen_at_every_size(rows: int, columns: int, seed: int) -> None:
    values = np.random.default_rng(seed).random((rows, columns)).astype(np.float32)
    pyramid = with_smaller(Layer(name="heat", title="Heat", kind="heat", values=values), least=4)
    for level in pyramid.smaller:
        assert level.max() == values.max()
    assert max((pyramid.smaller or (values,))[-1].shape) <= max(4, 4 if pyramid.smaller else max(values.shape))


@given(rows=st.integers(1, 200), columns=st.integers(1, 200), at=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_each_size_is_hot_where_the_whole_map_is(rows: int, columns: int, at: tuple[float, float]) -> None:
    """All are stretched over the same slide: every cell that lies over the hot place, and none but its neighbours."""
    values = np.zeros((rows, columns), np.float32)
    place = [round(share * (count - 1)) for share, count in zip(at, values.shape, strict=True)]
    values[tuple(place)] = 1
    for level in with_smaller(Layer(name="heat", title="Heat", kind="heat", values=values), least=4).smaller:
        assert level.dtype == values.dtype
        for axis, (spot, places) in enumerate(zip(place, values.shape, strict=True)):
            cells = level.shape[axis]
            hot = set(np.flatnonzero(level.max(1 - axis)))
            over = set(range(spot * cells // places, -(-(spot + 1) * cells // places)))
            assert over <= hot
            assert hot <= {cell + aside for cell in over for aside in (-1, 0, 1)}


@pytest.mark.parametrize("corner", [(0, 0), (0, -1), (-1, 0), (-1, -1)])
@given(rows=st.integers(2, 200), columns=st.integers(2, 200))
def test_a_hot_corner_stays_a_corner(corner: tuple[int, int], rows: int, columns: int) -> None:
    values = np.zeros((rows, columns), np.float32)
    values[corner] = 1
    for level in with_smaller(Layer(name="heat", title="Heat", kind="heat", values=values), least=4).smaller:
        assert (level[corner], np.count_nonzero(level)) == (1, 1)
