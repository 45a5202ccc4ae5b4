"""Components by runs against their definition; nuclei split, voted and counted."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from models.zoo._er.nuclei import BAND, LEAST_AREA, count_nuclei
from models.zoo._er.runs import components

Map = NDArray[np.uint8]


def flooded(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Components by their definition: flood from each pixel in turn."""
    labels = np.zeros(mask.shape, np.int32)
    number = 0
    for start in zip(*np.nonzero(mask), strict=True):
        if labels[start]:
            continue
        number += 1
        waiting = [start]
        while waiting:
            row, column = waiting.pop()
            inside = 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]
            if inside and mask[row, column] and not labels[row, column]:
                labels[row, column] = number
                waiting += [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
    return labels


def disks(shape: tuple[int, int], spots: list[tuple[int, int, int, int]]) -> Map:
    """A class map of disks: row, column, radius, class."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    found = np.zeros(shape, np.uint8)
    for row, column, radius, kind in spots:
        found[(y - row) ** 2 + (x - column) ** 2 <= radius**2] = kind
    return found


@settings(deadline=None)
@given(arrays.arrays(bool, st.tuples(st.integers(1, 24), st.integers(1, 24))))
def test_components_are_those_of_a_flood(mask: NDArray[np.bool_]) -> None:
    labels, count = components(mask)
    expected = flooded(mask)
    assert np.array_equal(labels, expected)
    assert count == expected.max()


def test_a_spiral_is_one_component() -> None:
    mask = np.zeros((41, 41), bool)
    for step in range(0, 20, 2):
        mask[step, step : 41 - step] = mask[step : 41 - step, 40 - step] = True
        mask[40 - step, step : 41 - step] = mask[step + 2 : 41 - step, step] = True
        mask[step + 2, step : step + 3] = True
    assert components(mask)[1] == flooded(mask).max() == 1


@pytest.mark.parametrize("radius", [6, 10, 16, 21])
def test_touching_nuclei_are_told_apart_and_a_single_one_stays_one(radius: int) -> None:
    apart = int(1.8 * radius)
    pair = disks((80, 160), [(40, 40, radius, 2), (40, 40 + apart, radius, 2)])
    assert len(count_nuclei(pair).classes) == 2
    assert len(count_nuclei(disks((80, 160), [(40, 40, radius, 2)])).classes) == 1


def test_a_nucleus_has_one_class_its_centre_and_its_place() -> None:
    found = disks((60, 60), [(30, 25, 12, 3)])
    found[29:32, 20:23] = 4
    counted = count_nuclei(found)
    assert counted.classes.tolist() == [3]
    assert counted.centres[0] == pytest.approx([25, 30], abs=0.2)
    assert np.array_equal(counted.painted > 0, found > 0)
    assert set(np.unique(counted.painted)) == {0, 3}


def test_a_dark_nucleus_with_a_pale_rim_is_dark() -> None:
    """A rim of two pixels is almost half of a small nucleus; its middle decides."""
    found = disks((40, 40), [(20, 20, 9, 2), (20, 20, 7, 4)])
    assert count_nuclei(found).classes.tolist() == [4]


def test_a_stained_nucleus_beside_an_unstained_one_keeps_its_class() -> None:
    found = disks((60, 80), [(30, 30, 12, 1), (30, 50, 12, 3)])
    assert sorted(count_nuclei(found).classes.tolist()) == [1, 3]


def test_specks_are_neither_counted_nor_painted() -> None:
    found = disks((60, 60), [(30, 30, 12, 2)])
    found[2:6, 2:6] = 4
    assert LEAST_AREA > 16
    counted = count_nuclei(found)
    assert counted.classes.tolist() == [2]
    assert not counted.painted[:8, :8].any()


def test_nothing_found_is_nothing_counted() -> None:
    counted = count_nuclei(np.zeros((30, 50), np.uint8))
    assert len(counted.classes) == len(counted.centres) == 0


def test_a_nucleus_on_the_border_of_two_bands_is_counted_once() -> None:
    spots = [(BAND + shift, 30 + 60 * index, 14, 1 + index % 4) for index, shift in enumerate((-15, -3, 0, 4, 20))]
    found = disks((2 * BAND, 340), spots)
    counted = count_nuclei(found)
    assert sorted(counted.classes.tolist()) == sorted(kind for *_, kind in spots)
    assert np.array_equal(counted.painted, found)


@pytest.mark.slow
def test_four_megapixels_take_seconds() -> None:
    spots = [(row, column, 10, 1 + (row + column) % 4) for row in range(12, 400, 24) for column in range(12, 400, 24)]
    found = np.tile(disks((400, 400), spots), (5, 5))
    began = time.thread_time()
    counted = count_nuclei(found)
    assert len(counted.classes) == len(spots) * 25
    assert time.thread_time() - began < 10
