"""The shared card pieces say what they were given, and what they write is what the page reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

from PIL import Image

from models.card import find_picture, load_card
from models.engine import WEIGHTS
from models.training.protocol import plots, sections
from models.training.protocol.cards import between, figure, percent, picture, provenance, section, table, write_card
from models.training.protocol.plan import Plan
from models.zoo.leukemia import SPEC


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan(key=SPEC.key, version=SPEC.version, data=tmp_path, out=tmp_path / "run",
                card=tmp_path / "cards" / f"{SPEC.key}-{SPEC.version}")


@given(share=st.floats(0, 1))
def test_a_share_is_told_to_a_tenth_of_a_per_cent(share: float) -> None:
    told = percent(share)
    assert float(told.removesuffix(" %")) == pytest.approx(100 * share, abs=0.0501)


@given(low=st.floats(0, 1), high=st.floats(0, 1))
def test_an_interval_has_its_two_ends(low: float, high: float) -> None:
    first, last = between((low, high)).split("–")
    assert (float(first), float(last)) == (pytest.approx(low, abs=5e-4), pytest.approx(high, abs=5e-4))
    assert between((low, high), as_percent=True).endswith(" %")


def test_a_row_that_does_not_fit_its_headings_is_refused() -> None:
    with pytest.raises(ValueError, match="2 cells"):
        table("Counts", ["class", "images"], [["Pre"]], "fit")


def test_what_is_written_is_what_the_page_reads(plan: Plan) -> None:
    plots.confusion([[3, 1], [0, 2]], ["a", "b"], plan.card_folder / "confusion.png", "Drawn")
    command = plan.command("evaluate")
    parts = [
        section("Results", text=["Said."], figures=[figure("Accuracy", "0.9", command, "0.8–1.0")],
                tables=[table("Counts", ["class", "n"], [["Pre", 3]], command)],
                pictures=[picture("confusion.png", "what it shows")]),
        sections.history(plan, [("1", "first")]),
    ]
    write_card(SPEC, plan, provenance(SPEC, replace(plan, weights=WEIGHTS)), parts)
    card = load_card(SPEC, plan.card_folder.parent)
    assert card.measured
    assert [one.title for one in card.sections] == ["Results", "Versions of this system"]
    assert card.sections[0].figures[0].interval == "0.8–1.0"
    assert card.sections[0].tables[0].rows == (("Pre", "3"),)
    assert find_picture(SPEC, "confusion.png", plan.card_folder.parent) is not None


def test_a_temperature_that_did_harm_is_said(plan: Plan) -> None:
    found = {"ece_before": 0.01, "ece": 0.03, "temperature": 1.2}
    assert len(sections.calibration(plan, found)["text"]) == 1 + len(sections.calibration(plan, found | {
        "ece": 0.005})["text"])


def test_a_kind_never_left_out_is_not_measured(plan: Plan) -> None:
    fitted = {"held_out": {"PCam": 1.0, "HPA": 0.5}, "leave_one_out": {"PCam": 0.25}}
    told = sections.refusals(plan, 0.9, (0.8, 1.0), [], fitted)["tables"][1]["rows"]
    assert told == [["PCam", "100.0 %", "25.0 %"], ["HPA", "50.0 %", "not measured"]]


@pytest.mark.parametrize("kind", ["bars", "roc", "scatter", "reliability"])
def test_every_drawing_is_a_picture(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "drawn" / f"{kind}.png"
    {
        "bars": lambda: plots.bars(["x", "y"], {"one": [0.5, 1.0], "two": [0.1, 0.2]}, path, "t", mark=0.95),
        "roc": lambda: plots.roc({"curve": ([0, 0.2, 1], [0, 0.9, 1]), "point": ([0.1], [0.7])}, path, "t"),
        "scatter": lambda: plots.scatter([1, 2], [1.5, 2.5], path, "t", ("true", "said")),
        "reliability": lambda: plots.reliability([{"confidence": 0.9, "accuracy": 0.8, "images": 4}], path, "t"),
    }[kind]()
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert min(image.size) > 200
