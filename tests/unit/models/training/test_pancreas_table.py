"""A clinic's table of scores: read strictly, each wrong line named, specimens kept on one side."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

import tifffile
from PIL import Image

from models.training.pancreas.data import scored_parts
from models.training.pancreas.table import TableError, has_table, read_table
from models.training.protocol.plan import Plan, read_json

HEAD = "file,architecture,atrophy,complexes,fibrosis"
NAMES = tuple(f"S-{specimen}-10X_Image{number:03d}_ch00.tif" for specimen in (11, 12, 13, 14) for number in (1, 2, 3))


def image(path: Path, seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 65536, (20, 30, 3), np.uint16)
    tifffile.imwrite(path, values, photometric="rgb", metadata=None)


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    """Twelve small 16-bit TIFFs of four specimens, without their table."""
    for seed, name in enumerate(NAMES):
        image(tmp_path / name, seed)
    return tmp_path


def write(folder: Path, *lines: str) -> None:
    (folder / "scores.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def problems(folder: Path, *lines: str) -> str:
    write(folder, *lines)
    with pytest.raises(TableError) as caught:
        read_table(folder)
    return str(caught.value)


def good(name: str) -> str:
    return f"{name},1.25,0.5,0,4"


def test_a_good_table_is_read_in_its_order_with_the_specimen_of_each_name(clinic: Path) -> None:
    assert not has_table(clinic)
    write(clinic, HEAD, *(good(name) for name in NAMES))
    assert has_table(clinic)
    rows = read_table(clinic)
    assert [row.path.name for row in rows] == list(NAMES)
    assert rows[0].scores == (1.25, 0.5, 0, 4)
    assert [row.group for row in rows[::3]] == ["S-11", "S-12", "S-13", "S-14"]


def test_a_spreadsheets_mark_and_spaces_do_no_harm(clinic: Path) -> None:
    lines = [HEAD, *(f"{name}, 1 ,0.5,0,4" for name in NAMES)]
    (clinic / "scores.csv").write_text("\r\n".join(lines), encoding="utf-8-sig")
    assert len(read_table(clinic)) == len(NAMES)


@pytest.mark.parametrize(
    ("columns", "cells", "group"),
    [(",group", ",mouse 7", "mouse 7"), (",serial", ",S-99-04", "S-99"), (",serial,group", ",S-99-04,", "S-99"),
     ("", "", "S-11")],
)
def test_the_group_is_the_one_given_else_of_the_serial_else_of_the_name(
    clinic: Path, columns: str, cells: str, group: str
) -> None:
    others = "," * columns.count(",")
    write(clinic, HEAD + columns, good(NAMES[0]) + cells, *(good(name) + others for name in NAMES[3:]))
    assert read_table(clinic)[0].group == group


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("missing.tif,1,1,1,1", "There is no file missing.tif in this folder"),
        (f"{NAMES[0]},4.25,1,1,1", "Architecture must be from 0 to 4 in steps of 0.25"),
        (f"{NAMES[0]},1,1,1,0.3", "Fibrosis must be from 0 to 4 in steps of 0.25"),
        (f"{NAMES[0]},1,,x,1", "Atrophy must be .* Complexes must be"),
        (f"{NAMES[0]},1,1,1", "more or fewer values"),
        (f"{NAMES[0]},1,1,1,1,1", "more or fewer values"),
        ("../scores.csv,1,1,1,1", "without a path"),
        (",1,1,1,1", "without a path"),
        (good(NAMES[1]), "already in line 2"),
    ],
)
def test_a_wrong_line_is_named_with_its_reason(clinic: Path, line: str, why: str) -> None:
    lines = [HEAD, good(NAMES[1]), good(NAMES[4]), line, good(NAMES[7])]
    _, *told = problems(clinic, *lines).splitlines()
    assert len(told) == 1
    assert re.match(f"line 4: .*{why}", told[0])


def test_the_same_picture_under_another_name_is_refused(clinic: Path) -> None:
    (clinic / "copy.tif").write_bytes((clinic / NAMES[0]).read_bytes())
    assert "line 3: This image is already in line 2" in problems(clinic, HEAD, good(NAMES[0]), good("copy.tif"))


def test_every_wrong_line_is_told_but_not_without_end(clinic: Path) -> None:
    text = problems(clinic, HEAD, *(f"{n}.tif,1,1,1,1" for n in range(50)))
    assert text.count("\n") == 21
    assert text.endswith("and 30 more")


def test_a_lacking_column_is_named(clinic: Path) -> None:
    assert "lacks the column atrophy and fibrosis" in problems(clinic, "file,architecture,complexes", "a,1,1")


def test_an_empty_table_and_two_specimens_are_too_little(clinic: Path) -> None:
    assert "at least three specimens" in problems(clinic, HEAD)
    assert "at least three specimens" in problems(clinic, HEAD, *(good(name) for name in NAMES[:6]))


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 50))
def test_no_specimen_stands_on_two_sides(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("clinic")
    for number, name in enumerate(NAMES):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / name)
    write(folder, HEAD, *(good(name) for name in NAMES))
    plan = Plan(key="pancreas", version="1", data=folder, out=folder / "run", seed=seed)
    parts = scored_parts(plan)
    files = read_json(plan.out / "split.json")["files"]
    assert isinstance(files, dict)
    specimens = {role: {name.split("-10X")[0] for name in names} for role, names in files.items()}
    assert sum(len(some) for some in specimens.values()) == len(set().union(*specimens.values())) == 4
    assert all(len(part.fields) for part in parts.values())
