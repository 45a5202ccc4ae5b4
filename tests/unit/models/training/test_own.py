"""Learning from a clinic's own images: a strict table, whole groups, a fair comparison, plain refusals."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

from models.catalogue import Catalogue
from models.spec import Reading
from models.training.__main__ import main
from models.training.protocol.compare_classes import of_classes
from models.training.protocol.compare_measures import better_than_the_mean, of_measures
from models.training.protocol.dealing import deal, strata_of
from models.training.protocol.labelled import label_examples
from models.training.protocol.own import Base, Example, mark
from models.training.protocol.pairs import Pair
from models.training.protocol.plan import Plan
from models.training.protocol.splits import ROLES
from models.training.protocol.table import LEAST_IMAGES, TableError, read_labels

LEUKEMIA, PCAM, PANCREAS = (Catalogue()[key].spec for key in ("leukemia", "pcam", "pancreas"))
NAMES = [label.name for label in LEUKEMIA.labels]
HEAD = "file,label,group,um_per_px"


def images(folder: Path, count: int, side: int = 24) -> None:
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 255, (side, side, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


def write(folder: Path, *lines: str) -> None:
    (folder / "labels.csv").write_text("\n".join([HEAD, *lines]) + "\n", encoding="utf-8")


def plan_of(folder: Path, key: str = "leukemia") -> Plan:
    return Plan(key=key, version="1.own-a", data=folder, out=folder / "run")


def test_a_good_table_is_read_with_its_groups_and_pixel_sizes(tmp_path: Path) -> None:
    images(tmp_path, 3)
    write(tmp_path, "0.png,Pre,P-1,", "1.png, Pro ,,0.25", "2.png,Benign,P-1,")
    rows = read_labels(tmp_path, LEUKEMIA)
    assert [(row.label, row.group, row.um_per_px) for row in rows] == [
        (NAMES.index("Pre"), "P-1", None), (NAMES.index("Pro"), "1.png", 0.25), (NAMES.index("Benign"), "P-1", None)]


@pytest.mark.parametrize(("line", "why"), [
    ("1.png,Prae,P-2,", "The label must be one of Benign"), ("1.png,Pre,P-2,-1", "pixel size"),
    ("1.png,Pre,P-2,nan", "pixel size"), ("1.png,Pre,P-2", "more or fewer values"),
    ("9.png,Pre,P-2,", "There is no file 9.png"), ("../1.png,Pre,P-2,", "without a path"),
    ("0.png,Pre,P-2,", "already in line 2"),
])
def test_a_wrong_line_is_named_with_its_reason(tmp_path: Path, line: str, why: str) -> None:
    images(tmp_path, 3)
    write(tmp_path, "0.png,Pre,P-1,", line, "2.png,Benign,P-1,")
    with pytest.raises(TableError, match=f"line 3: .*{why}"):
        read_labels(tmp_path, LEUKEMIA)


def test_an_image_that_is_read_tile_by_tile_teaches_nothing(tmp_path: Path) -> None:
    images(tmp_path, 1, side=96)
    Image.new("RGB", (300, 200), (200, 150, 180)).save(tmp_path / "large.png")
    write(tmp_path, "0.png,metastatic,P-1,", "large.png,metastatic,P-2,0.5")
    assert [row.path.name for row in read_labels(tmp_path, PCAM)] == ["0.png"]


def test_too_few_images_or_groups_are_said_with_what_is_needed(tmp_path: Path) -> None:
    images(tmp_path, 40)
    write(tmp_path, *(f"{n}.png,{NAMES[n % 4]},g{n},"for n in range(LEAST_IMAGES - 1)))
    with pytest.raises(TableError, match=f"at least {LEAST_IMAGES} are needed"):
        label_examples(plan_of(tmp_path))
    write(tmp_path, *(f"{n}.png,{NAMES[n % 3]},g{n}," for n in range(40)))
    with pytest.raises(TableError, match="Pro has images of 0 groups; at least 3"):
        label_examples(plan_of(tmp_path))


@given(
    rows=st.lists(st.tuples(st.integers(0, 15), st.integers(0, 2)), min_size=1, max_size=80), seed=st.integers(0, 99),
    known=st.dictionaries(st.integers(0, 15), st.sampled_from(ROLES), max_size=5),
)
def test_no_group_stands_on_two_sides_and_none_changes_its_side(
    rows: list[tuple[int, int]], seed: int, known: dict[int, str]
) -> None:
    groups, classes = [str(group) for group, _ in rows], [label for _, label in rows]
    before = {str(group): role for group, role in known.items()}
    roles = deal(groups, classes, seed, before)  # type: ignore[arg-type]
    sides = {group: {role for one, role in zip(groups, roles, strict=True) if one == group} for group in groups}
    assert all(len(some) == 1 for some in sides.values())
    assert all(sides[str(group)] == {role} for group, role in known.items() if str(group) in sides)
    if not known:
        strata = strata_of(groups, classes)
        for stratum in set(strata.values()):
            mine = [group for group in strata if strata[group] == stratum]
            assert len({role for group in mine for role in sides[group]}) == min(3, len(mine))


def test_an_image_stays_on_its_side_whatever_an_export_calls_its_group(tmp_path: Path) -> None:
    images(tmp_path, 4)
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    roles = {mark(paths[0]): "test", mark(paths[1]): "train", mark(paths[2]): "validation"}
    base = Base(spec=LEUKEMIA, files={}, folder=None, roles=roles)  # type: ignore[arg-type]
    assert base.sides(["p7", "p8", "p9", "p7"], paths) == {"p7": "test", "p8": "train", "p9": "validation"}
    assert base.sides(["p1", "p1", "p1", "p2"], paths) == {"p1": "train"}


def reading(label: str, sure: float = 0.9) -> Reading:
    rest = (1 - sure) / (len(NAMES) - 1)
    return Reading(outcome="scored", label=label, scores={name: sure if name == label else rest for name in NAMES})


def pairs(candidate: Sequence[bool], base: Sequence[bool], groups: int) -> list[Pair]:
    """Of images of all classes in turn: which of them each version reads rightly."""
    made = []
    for number, rights in enumerate(zip(candidate, base, strict=True)):
        true, wrong = NAMES[number % 4], NAMES[(number + 1) % 4]
        example = Example(path=Path("x.png"), group=f"g{number % groups}", stratum=number % 4, role="test", label=true)
        said = [reading(true if right else wrong) for right in rights]
        made.append(Pair(example=example, candidate=said[0], base=said[1]))
    return made


def test_a_version_that_is_better_everywhere_is_called_so() -> None:
    found = of_classes(LEUKEMIA, pairs([True] * 80, [n % 5 > 2 for n in range(80)], 40), seed=1)
    assert found["verdict"] == "better"
    row = found["rows"][0]
    assert (row["name"], row["candidate"]["value"]) == ("Macro-F1", 1.0)
    assert 0 < row["difference"]["low"] <= row["difference"]["value"] <= row["difference"]["high"]
    assert [row[i] for i, row in enumerate(found["candidate_matrix"])] == [20] * 4
    assert "Only the candidate is right in 48 images, only the other version in 0" in found["notes"][0]
    other = of_classes(LEUKEMIA, pairs([n % 5 > 2 for n in range(80)], [True] * 80, 40), seed=1)
    assert other["verdict"] == "worse"


def test_two_that_are_alike_or_too_few_groups_are_not_told_apart() -> None:
    alike = of_classes(LEUKEMIA, pairs([n % 7 > 0 for n in range(80)], [n % 5 > 0 for n in range(80)], 40), seed=1)
    assert alike["verdict"] == "cannot-tell"
    few = of_classes(LEUKEMIA, pairs([True] * 24, [False] * 24, 4), seed=1)
    assert few["verdict"] == "cannot-tell"
    assert "too few" in few["sentence"]
    assert len(few["warnings"]) == 2


def scored_pairs(error: float, other: float, count: int = 60) -> tuple[list[Pair], list[Example]]:
    rng = np.random.default_rng(4)
    keys = [one.key for one in PANCREAS.measures if one.step]
    made, every = [], []
    for number in range(count):
        truth = {key: float(rng.integers(0, 13)) / 4 for key in keys}
        role = "test" if number % 2 else "train"
        example = Example(path=Path("x.png"), group=f"g{number // 4}-{number % 2}", stratum=0, role=role, scores=truth)
        every.append(example)
        said = [Reading(outcome="scored", scores={key: truth[key] + off * rng.choice((-1, 1)) for key in keys})
                for off in (error, other)]
        if role == "test":
            made.append(Pair(example=example, candidate=said[0], base=said[1]))
    return made, every


def test_scores_are_compared_by_their_errors() -> None:
    made, every = scored_pairs(0.25, 1.0)
    found = of_measures(PANCREAS, made, seed=1)
    rows = {row["name"]: row for row in found["rows"]}
    assert found["verdict"] == "better"
    assert rows["Mean error, Fibrosis"]["difference"]["value"] == pytest.approx(-0.75)
    assert rows["R², Fibrosis"]["candidate"]["value"] > rows["R², Fibrosis"]["active"]["value"]
    assert better_than_the_mean(PANCREAS, made, every, seed=1)
    worse, every = scored_pairs(1.5, 0.25)
    assert of_measures(PANCREAS, worse, seed=1)["verdict"] == "worse"
    assert not better_than_the_mean(PANCREAS, worse, every, seed=1)


@pytest.mark.parametrize(("table", "words", "why"), [
    ("readings.csv", ("fit", "er"), "There is no nuclei.csv"),
    ("answers.csv", ("fit", "isight"), "answers.csv lacks the column intensity and location"),
    ("answers.csv", ("fit", "er"), "er learns from readings.csv; this folder has answers.csv"),
    ("labels.csv", ("fit", "leukemia-xception-bigru"), "does not learn from a clinic's own images"),
    ("labels.csv", ("fit", "pancreas"), "pancreas learns from scores.csv; this folder has labels.csv"),
    ("labels.csv", ("fit", "leukemia"), "labels.csv lacks the column"),
    ("labels.csv", ("fit", "leukemia", "--name", "No good"), "small letters and digits"),
    ("labels.csv", ("export", "leukemia"), "run fit first"),
    ("", ("compare", "leukemia"), "There is no table of a clinic's own images"),
])
def test_what_cannot_be_learnt_from_ends_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, words: tuple[str, ...], why: str
) -> None:
    if table:
        (tmp_path / table).write_text("file\n")
    places = ("--data", str(tmp_path), "--out", str(tmp_path / "run"))
    monkeypatch.setattr(sys, "argv", ["models.training", *words, *places])
    with pytest.raises(SystemExit, match=why):
        main()
