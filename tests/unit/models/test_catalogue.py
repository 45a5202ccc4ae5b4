"""The catalogue finds what stands in the folder, and says what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.catalogue import ZOO, Catalogue, CatalogueError, DuplicateKey

MODEL = """
from dataclasses import replace
from models.spec import Reading
from models.zoo.leukemia import SPEC as OTHER

SPEC = replace(OTHER, key="{key}", graphs={{}})

def read(pixels, run):
    return Reading(outcome="scored", label="Pro", scores={{"Pro": 1.0}})

def build():
    raise NotImplementedError
"""


def drop_in(folder: Path, file: str, key: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / file).write_text(MODEL.format(key=key))


def test_the_served_system_is_found() -> None:
    assert "leukemia" in Catalogue()


def test_a_file_dropped_in_is_a_model(tmp_path: Path) -> None:
    drop_in(tmp_path, "dropped_in.py", "dropped-in")

    catalogue = Catalogue([ZOO, tmp_path])

    assert catalogue["dropped-in"].file == tmp_path / "dropped_in.py"
    assert [entry.spec.key for entry in catalogue] == sorted(entry.spec.key for entry in catalogue)


def test_a_shared_part_is_no_model(tmp_path: Path) -> None:
    drop_in(tmp_path, "_part.py", "part")
    assert len(Catalogue([tmp_path])) == 0


def test_a_key_used_twice_stops_the_start_and_names_both_files(tmp_path: Path) -> None:
    drop_in(tmp_path, "another.py", "leukemia")
    with pytest.raises(DuplicateKey, match=r"'leukemia' is used by leukemia\.py and another\.py"):
        Catalogue([ZOO, tmp_path])


def test_a_file_named_otherwise_than_its_key_is_refused(tmp_path: Path) -> None:
    drop_in(tmp_path, "one.py", "two")
    with pytest.raises(CatalogueError, match=r"'two' must stand in two\.py"):
        Catalogue([tmp_path])


def test_a_file_without_spec_is_named(tmp_path: Path) -> None:
    (tmp_path / "half.py").write_text("def read(pixels, run): ...\n")
    with pytest.raises(CatalogueError, match=r"half\.py .* SPEC, build"):
        Catalogue([tmp_path])
