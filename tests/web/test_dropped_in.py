"""A new system is one file in the folder of models and its weights: everything else finds it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from PIL import Image as PillowImage
from sqlalchemy import select

from models import card as cards
from models.imaging.drawn import draw_smear
from portal.extensions import db
from portal.services import results
from portal.storage.tables.cases import Image
from portal.storage.tables.readings import Prediction
from portal.views import models as model_views
from tests.support import pictures
from tests.support.client import Client
from tests.support.dropped_in import drop_in
from tests.web.test_cases import open_case
from tests.web.test_images import only, rows, upload

MARK = "Demonstration"
PALETTE = [(0, 0, 0), (0, 159, 255), (255, 216, 0)]
SMALL = pictures.encode(draw_smear(3)[:200, :240])
LARGE = pictures.encode(draw_smear(4)[:400, :500])


@pytest.fixture(autouse=True)
def rainbow(app: Flask, tmp_path: Path) -> None:
    drop_in(app, tmp_path / "dropped-in")


@pytest.fixture
def reader(login: Callable[..., Client]) -> Client:
    return login()


@pytest.fixture
def case_id(reader: Client) -> int:
    return open_case(reader)


@pytest.fixture
def read(reader: Client, case_id: int) -> dict[str, Any]:
    """The verdict of an image that the system scored."""
    return only(upload(reader, case_id, ("colours.png", SMALL), model="rainbow"))


def review(reader: Client, verdict: dict[str, Any], **scores: str) -> Any:
    form = {"verdict": "override", **{f"score_{key}": value for key, value in scores.items()}}
    return reader.post(f"{verdict['url']}/review", form)


def stored(app: Flask, verdict: dict[str, Any]) -> Prediction:
    return db.session.get_one(Prediction, verdict["prediction"])


def test_the_catalogue_lists_it_with_its_claim_and_its_mark(client: Client) -> None:
    page = client.get("/models").text
    for words in ("Rainbow of test scores", "Made-up rainbows.", "claims to see every colour", MARK, "Not evaluated"):
        assert words in page


def test_its_page_says_what_it_scores_and_what_is_claimed(client: Client) -> None:
    page = client.get("/models/rainbow").text
    for words in ("Colour sum", "0 to 4 points", "light, medium, dark", "every colour", "fitted on made-up rainbows",
                  "It knows nothing.", "has not been evaluated"):
        assert words in page


def test_its_card_is_found_once_it_was_evaluated(
        app: Flask, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cards" / "rainbow-1"
    folder.mkdir(parents=True)
    figure = {"name": "Accuracy", "value": "61.8 %", "interval": "50–70 %", "command": "count"}
    held = {"weights_sha256": app.extensions["engine"].spec("rainbow").weights_sha256,
            "sections": [{"title": "Results", "figures": [figure]}]}
    (folder / "card.json").write_text(json.dumps(held))
    monkeypatch.setattr(model_views, "load_card", partial(cards.load_card, cards=tmp_path / "cards"))
    assert "61.8 %" in client.get("/models/rainbow").text


def test_the_upload_form_offers_it_with_its_mark(reader: Client, case_id: int) -> None:
    page = reader.get(f"/cases/{case_id}").text
    assert '<option value="rainbow">Demonstration: Rainbow of test scores</option>' in page
    assert "Any picture of at least 40 pixels." in page
    assert "Larger than 320 pixels, it needs the pixel size." in page


def test_what_was_installed_before_stays_chosen(reader: Client, case_id: int) -> None:
    assert '<option selected value="leukemia">' in reader.get(f"/cases/{case_id}").text


def test_the_form_remembers_which_system_a_case_was_read_with(reader: Client, case_id: int, read: object) -> None:
    assert '<option selected value="rainbow">' in reader.get(f"/cases/{case_id}").text


def test_a_result_shows_every_kind_of_score(reader: Client, read: dict[str, Any]) -> None:
    page = reader.get(read["url"]).text
    for words in ("Coloured like bright", "Colour sum", "<strong>3.75</strong>", "of 5</span>", "points", "Shade",
                  "70.0 %", "Not trained", "A note that belongs to the scores.", "Dominant", "<strong>hot</strong>",
                  "the brightest corner", "2 nuclei", "#009fff", "What it saw"):
        assert words in page, words


def test_every_place_with_a_score_is_marked(reader: Client, case_id: int, read: dict[str, Any]) -> None:
    assert read["demonstration"] is True
    assert "made-up rainbows" in read["demonstration_note"]
    result = reader.get(read["url"]).text
    assert result.count('class="badge-demonstration"') >= 3
    assert "Demonstration – not a real score." in result
    for url in ("/", "/cases", f"/cases/{case_id}", "/models"):
        assert 'class="badge-demonstration"' in reader.get(url).text, url


def test_a_system_whose_scores_are_meant_carries_no_mark(reader: Client, case_id: int) -> None:
    verdict = only(upload(reader, case_id, ("smear.png", pictures.smear())))
    assert verdict["demonstration"] is False
    assert "badge-demonstration" not in reader.get(verdict["url"]).text
    assert "badge-demonstration" not in reader.get("/").text


def test_the_worklist_shows_the_first_measure_beside_the_label(reader: Client, read: object) -> None:
    assert "Colour sum 3.75 of 5" in reader.get("/").text


def test_layers_are_served_by_name_and_the_first_as_the_heat_map(reader: Client, read: dict[str, Any]) -> None:
    heat = reader.get(f"{read['url']}/heatmap.png")
    assert heat.data == reader.get(f"{read['url']}/layers/heatmap.png").data
    assert heat.data != reader.get(f"{read['url']}/layers/second.png").data
    mask = PillowImage.open(io.BytesIO(reader.get(f"{read['url']}/layers/mask.png").data))
    assert (mask.mode, mask.size) == ("P", (240, 200))
    shown = np.asarray(mask.convert("RGBA"))
    assert tuple(shown[0, 0]) == (0, 0, 0, 0)
    assert tuple(shown[12, 12]) == (*PALETTE[1], 255)
    assert tuple(shown[25, 12]) == (*PALETTE[2], 255)
    assert reader.get(f"{read['url']}/layers/nothing.png").status_code == 404


def test_regions_are_cut_out_of_the_image(reader: Client, read: dict[str, Any]) -> None:
    part = PillowImage.open(io.BytesIO(reader.get(f"{read['url']}/regions/1.png").data))
    whole = PillowImage.open(io.BytesIO(SMALL))
    assert part.convert("RGB").tobytes() == whole.convert("RGB").crop((10, 20, 40, 35)).tobytes()
    assert reader.get(f"{read['url']}/regions/3.png").status_code == 404


def test_a_region_that_the_browser_holds_is_not_cut_out_again(
        reader: Client, read: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"{read['url']}/regions/1.png"
    held = {"If-None-Match": reader.get(url).headers["ETag"]}
    monkeypatch.delattr(results, "draw_region")
    assert reader.get(url, headers=held).status_code == 304


def test_layers_and_regions_of_others_do_not_exist(read: dict[str, Any], login: Callable[..., Client]) -> None:
    other = login("other@clinic.example")
    for part in ("heatmap.png", "layers/mask.png", "regions/1.png"):
        assert other.get(f"{read['url']}/{part}").status_code == 404


def test_a_large_image_needs_its_pixel_size(app: Flask, reader: Client, case_id: int) -> None:
    answer = upload(reader, case_id, ("large.png", LARGE), model="rainbow")
    verdict = only(answer)
    assert (answer.status_code, verdict["outcome"], verdict["code"]) == (422, "error", "pixel-size")
    assert "larger than 320 pixels" in verdict["reason"]
    assert rows(app, Image) == 0


def test_the_page_asks_for_the_pixel_size_and_keeps_what_was_chosen(reader: Client, case_id: int) -> None:
    answer = upload(reader, case_id, ("large.png", LARGE), ("small.png", SMALL), as_json=False, model="rainbow")
    assert answer.status_code == 422
    assert "choose them again: large.png." in answer.text
    assert '<option selected value="rainbow">' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert "1 image scored." in answer.text


@pytest.mark.parametrize(("typed", "reason"), [("99", "cannot be right"), ("0,1", "cannot be right")])
def test_a_pixel_size_that_the_system_cannot_use_is_refused(
        app: Flask, reader: Client, case_id: int, typed: str, reason: str) -> None:
    verdict = only(upload(reader, case_id, ("large.png", LARGE), model="rainbow", um_per_px=typed))
    assert (verdict["code"], reason in verdict["reason"]) == ("pixel-size", True)
    assert rows(app, Image) == 0


@pytest.mark.parametrize("typed", ["wide", "nan", "0", "-1", "1e9"])
def test_what_is_no_pixel_size_is_said_so_and_shown_again(reader: Client, case_id: int, typed: str) -> None:
    answer = upload(reader, case_id, ("small.png", SMALL), um_per_px=typed)
    assert answer.status_code == 400
    page = upload(reader, case_id, ("small.png", SMALL), um_per_px=typed, as_json=False)
    assert page.status_code == 400
    assert f'value="{typed}"' in page.text


def test_a_stated_pixel_size_is_kept_and_shown(app: Flask, reader: Client, case_id: int) -> None:
    verdict = only(upload(reader, case_id, ("large.png", LARGE), model="rainbow", um_per_px="0,5"))
    assert verdict["outcome"] == "scored"
    assert "0.5 µm per pixel" in reader.get(verdict["url"]).text
    with app.app_context():
        assert db.session.scalars(select(Image)).one().um_per_px == 0.5


def test_a_tiff_that_states_its_pixel_size_needs_no_typing(app: Flask, reader: Client, case_id: int) -> None:
    tiff = pictures.encode(draw_smear(5)[:400, :500], "TIFF", resolution_unit=3, x_resolution=12500.0,
                           y_resolution=12500.0)
    assert only(upload(reader, case_id, ("large.tif", tiff), model="rainbow"))["outcome"] == "scored"
    with app.app_context():
        assert db.session.scalars(select(Image)).one().um_per_px == 0.8


def test_the_same_image_is_read_by_another_system_as_the_same_image(app: Flask, reader: Client, case_id: int) -> None:
    smear = pictures.smear()
    upload(reader, case_id, ("one.png", smear))
    verdict = only(upload(reader, case_id, ("one.png", smear), model="rainbow", um_per_px="0.5"))
    assert (verdict["outcome"], verdict["existing"]) == ("scored", False)
    assert (rows(app, Image), rows(app, Prediction)) == (1, 2)


def test_a_demonstration_is_scored_by_hand_and_never_agreed_with(
        app: Flask, reader: Client, read: dict[str, Any]) -> None:
    assert reader.post(f"{read['url']}/review", {"verdict": "agree"}).status_code == 400
    assert review(reader, read, warm="1,25", cool="0.5", shade="dark").status_code == 303
    page = reader.get(read["url"]).text
    for words in ("dull", "1.75 of 5", "1.25 points of 4", "A note that follows from the sum."):
        assert words in page, words
    assert "Read as dull, Colour sum 1.75 of 5" in reader.get("/").text
    with app.app_context():
        kept = stored(app, read).reviews[0]
        assert (kept.label, kept.scores) == ("dull", {"warm": 1.25, "cool": 0.5, "sum": 1.75, "shade": "dark"})
        assert stored(app, read).scores["warm"] == 2.25


@pytest.mark.parametrize("scores", [
    {"warm": "5", "cool": "1"}, {"warm": "1.1", "cool": "1"}, {"warm": "-1", "cool": "1"}, {"warm": "1"},
    {"warm": "nan", "cool": "1"}, {"warm": "3", "cool": "3"}, {"warm": "1", "cool": "1", "shade": "pitch-black"}])
def test_scores_out_of_their_bounds_come_back_with_what_was_typed(
        reader: Client, read: dict[str, Any], scores: dict[str, str]) -> None:
    answer = review(reader, read, **scores)
    assert answer.status_code == 400
    assert f'value="{scores["warm"]}"' in answer.text


def test_a_refused_image_is_scored_by_hand(reader: Client, case_id: int) -> None:
    tiny = pictures.encode(draw_smear(6)[:30, :30])
    verdict = only(upload(reader, case_id, ("tiny.png", tiny), model="rainbow"))
    assert (verdict["outcome"], verdict["demonstration"]) == ("refused", False)
    assert review(reader, verdict, warm="2", cool="2").status_code == 303
    assert "Read as bright, Colour sum 4.00 of 5" in reader.get("/").text


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "small.png").write_bytes(SMALL)
    (tmp_path / "large.png").write_bytes(LARGE)
    return tmp_path


def run(app: Flask, *arguments: object) -> Any:
    return app.test_cli_runner().invoke(args=[str(one) for one in arguments])


def test_the_command_line_reads_with_it(app: Flask, files: Path) -> None:
    done = run(app, "predict", "rainbow", files / "small.png", files / "large.png", "--json")
    scored, unsized = (json.loads(line) for line in done.stdout.splitlines())
    assert scored["scores"]["smell"] is None
    assert (scored["demonstration"], "made-up" in scored["demonstration_note"]) == (True, True)
    assert (unsized["outcome"], "pixel size" in unsized["reason"]) == ("error", True)
    assert done.exit_code == 1
    text = run(app, "predict", "rainbow", files / "large.png", "--um-per-px", "0.5").stdout
    for words in ("DEMONSTRATION", "bright", "Colour sum 3.75 of 5", "Smell not trained", "A note that belongs"):
        assert words in text, words


def test_the_command_line_writes_its_layers(app: Flask, files: Path) -> None:
    run(app, "predict", "rainbow", files / "small.png", "--out", files / "out")
    assert {path.name for path in (files / "out").iterdir()} == {
        "small.heatmap.png", "small.second.png", "small.mask.png"}
    with PillowImage.open(files / "out" / "small.mask.png") as mask:
        assert (mask.mode, mask.size, "transparency" in mask.info) == ("P", (240, 200), False)
        assert mask.getpalette()[:9] == [part for colour in PALETTE for part in colour]  # type: ignore[index]
        assert {mask.getpixel((12, 12)), mask.getpixel((12, 25)), mask.getpixel((0, 0))} == {0, 1, 2}


def test_the_command_line_lists_and_verifies_it(app: Flask) -> None:
    line = next(line for line in run(app, "models", "list").stdout.splitlines() if line.startswith("rainbow\t"))
    assert line.split("\t")[1:3] == ["1", "offered"]
    assert "demonstration" in line
    assert "rainbow\t1\tok" in run(app, "models", "verify").stdout


def test_an_administrator_sees_its_state(login: Callable[..., Client]) -> None:
    assert "rainbow" in login("chief@clinic.example", "admin").get("/admin/models").text
