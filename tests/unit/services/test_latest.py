"""Of each reader the latest reading counts."""

from __future__ import annotations

from operator import itemgetter

from hypothesis import given
from hypothesis import strategies as st

from portal.services.latest import latest_of_each


@given(st.lists(st.integers(0, 4)))
def test_of_each_reader_the_last_counts_in_the_order_given(readers: list[int]) -> None:
    readings = list(enumerate(readers))
    counted = latest_of_each(iter(readings), itemgetter(1))
    assert counted == sorted(counted)
    assert {reader: number for number, reader in counted} == {reader: number for number, reader in readings}
    assert len(counted) == len(set(readers))
