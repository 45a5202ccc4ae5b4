"""Serial and group from the names of pancreas images."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.scoring.serials import Serial, parse_serial


@pytest.mark.parametrize(
    ("name", "serial", "group"),
    [
        ("S-3602-10X_Image001_ch00.tif", "S-3602-01", "S-3602"),
        ("S-3618-10x_Image009_RAW_ch00.tif", "S-3618-09", "S-3618"),
        ("S-3618-10x_Image009_RAW_ch00", "S-3618-09", "S-3618"),
        ("s-12-10X_image0112_CH01.TIFF", "S-12-12", "S-12"),
        ("C:\\slides\\S-3602-10X_Image001_ch00.tif", "S-3602-01", "S-3602"),
        ("slides/S-3602-10X_Image001_ch00.tif", "S-3602-01", "S-3602"),
    ],
)
def test_a_name_of_the_kind_is_read(name: str, serial: str, group: str) -> None:
    assert parse_serial(name) == Serial(serial=serial, group=group)


@pytest.mark.parametrize(
    "name",
    ["", ".", "image.tif", "S-3602.tif", "S-3602-10X_Image1_ch00.tif", "S-3602-10X_Image001.tif",
     "S-3602-20X_Image001_ch00.tif", "X-3602-10X_Image001_ch00.tif", "S-36a2-10X_Image001_ch00.tif",
     "S-3602-10X_Image001_ch00.tif.exe", "copy of S-3602-10X_Image001_ch00.tif", "S-3602-10X_Image001_ch00.tif\n",
     "S-３６０２-10X_Image001_ch00.tif"],
)
def test_a_name_of_another_kind_has_no_serial(name: str) -> None:
    assert parse_serial(name) is None


@given(
    specimen=st.integers(0, 10**12 - 1), image=st.integers(0, 10**9), raw=st.booleans(), upper=st.booleans(),
    ending=st.sampled_from(["tif", "tiff", "png", "JPG"]),
)
def test_every_number_is_found_again(specimen: int, image: int, raw: bool, upper: bool, ending: str) -> None:
    name = f"S-{specimen}-10{'X' if upper else 'x'}_Image{image:03d}{'_RAW' if raw else ''}_ch00.{ending}"
    assert parse_serial(name) == Serial(serial=f"S-{specimen}-{image % 100:02d}", group=f"S-{specimen}")


@given(st.text() | st.from_regex(r"S-\d+-10[xX]_Image\d+.*"))
def test_any_text_gives_a_serial_of_its_own_group_or_none(name: str) -> None:
    found = parse_serial(name)
    assert found is None or found.serial.startswith(f"{found.group}-")


@pytest.mark.datasets
def test_every_row_of_the_expert_table_agrees(datasets: Path) -> None:
    (table,) = (datasets / "he" / "pancreas").glob("*.csv")
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = [parse_serial(row["filename"]) for row in rows]
    assert [one and one.serial for one in found] == [row["serial"] for row in rows]
