"""A card shows measured figures only, each with the command that measured it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from models.card import CARDS, Card, find_picture, load_card
from models.spec import ModelSpec, WeightFile
from models.zoo.leukemia import SPEC


@pytest.fixture
def card() -> Card:
    return load_card(SPEC)


def other_weights() -> ModelSpec:
    return replace(SPEC, graphs={"predict": WeightFile(name="x.onnx", sha256="0" * 64)})


def test_the_served_weights_have_a_measured_card(card: Card) -> None:
    assert card.measured
    assert card.weights_sha256 == SPEC.weights_sha256


def test_every_figure_and_table_names_its_command(card: Card) -> None:
    named = [one for section in card.sections for one in (*section.figures, *section.tables)]
    assert named
    assert all(one.command.startswith("python -m models.training ") for one in named)


def test_every_table_row_is_as_long_as_its_headings(card: Card) -> None:
    for section in card.sections:
        for table in section.tables:
            assert {len(row) for row in table.rows} == {len(table.headings)}


def test_every_picture_of_the_card_can_be_shown(card: Card) -> None:
    pictures = [picture for section in card.sections for picture in section.pictures]
    assert pictures
    for picture in pictures:
        path = find_picture(SPEC, picture.file)
        assert path is not None
        with Image.open(path) as image:
            assert image.format == "PNG"
        assert picture.alt


def test_a_file_that_the_card_does_not_list_is_not_shown() -> None:
    assert find_picture(SPEC, "../leukemia-1/confusion.png") is None
    assert find_picture(SPEC, "card.json") is None


def test_the_files_measured_are_the_files_served() -> None:
    held = json.loads((CARDS / "leukemia-1" / "card.json").read_text(encoding="utf-8"))
    assert held["files"] == {file.name: file.sha256 for file in SPEC.graphs.values()}


def test_other_weights_show_no_figures_of_these() -> None:
    card = load_card(other_weights())
    assert not card.measured
    assert not any(section.figures for section in card.sections)


def test_a_version_without_a_card_says_so(tmp_path: Path) -> None:
    assert "not been evaluated" in load_card(SPEC, tmp_path).sections[0].text[0]
