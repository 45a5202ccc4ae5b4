"""A reading as it is given: kept while it is typed, carried over a login, counted on the image."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Route, expect

from models.imaging.drawn import draw_smear
from portal.extensions import db
from portal.storage.tables.accounts import UserSession
from portal.storage.tables.readings import Prediction, Review, ReviewDraft
from tests.browser.conftest import open_window
from tests.browser.test_journey import PASSWORD, log_in, open_case, upload
from tests.support import pictures
from tests.support.dropped_in import drop_in, meant_rainbow
from tests.support.patience import until
from tests.support.served import EMAIL, add_user, serve

pytestmark = pytest.mark.browser

FIELD = "ihc/deepliif_ki67/34_3.png"


@pytest.fixture
def served(tmp_path: Path, sqlite_template: Path) -> Iterator[tuple[Flask, str]]:
    with serve(tmp_path, sqlite_template) as (app, address):
        drop_in(app, tmp_path / "dropped-in", meant_rainbow(tmp_path))
        add_user(app)
        yield app, address


@pytest.fixture
def app(served: tuple[Flask, str]) -> Flask:
    return served[0]


@pytest.fixture
def page(javascript: bool, browser: Browser, served: tuple[Flask, str]) -> Iterator[Page]:
    with open_window(browser, served[1], javascript) as page:
        log_in(page, EMAIL)
        expect(page.get_by_role("heading", level=1)).to_contain_text("Worklist")
        open_case(page)
        yield page


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    path = tmp_path / "colours.png"
    path.write_bytes(pictures.encode(draw_smear(3)[:240, :300]))
    return path


def read(page: Page, system: str, file: Path) -> str:
    """The address of the result."""
    page.get_by_label("Model").select_option(system)
    upload(page, file)
    page.locator("#case-images").get_by_role("link", name=file.name).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(file.name)
    return page.url


def end_sessions(app: Flask) -> None:
    with app.app_context():
        db.session.query(UserSession).delete()
        db.session.commit()


def only_draft(app: Flask) -> ReviewDraft:
    with app.app_context():
        return db.session.query(ReviewDraft).one()


def drafted_reason(app: Flask) -> str | None:
    """None where nothing was kept yet."""
    with app.app_context():
        draft = db.session.query(ReviewDraft).one_or_none()
        return draft.content["reason"] if draft else None


def kept(app: Flask, table: type[Any]) -> int:
    with app.app_context():
        return db.session.query(table).count()


@pytest.mark.parametrize("javascript", ["javascript"], indirect=True)
def test_what_is_typed_is_saved_and_comes_back(app: Flask, page: Page, colours: Path) -> None:
    address = read(page, "rainbow", colours)
    page.get_by_label("I read it differently").check()
    page.get_by_label("Warm part").fill("1,2 or so")
    page.get_by_label("Reason").fill("the corner is")
    until(lambda: drafted_reason(app) == "the corner is")
    saved_at = clock(page, only_draft(app).saved_at)
    expect(page.locator("#review-form [role=status] time")).to_contain_text(saved_at)
    page.goto(address)
    expect(page.locator(".draft-line")).to_contain_text("Draft of ")
    expect(page.locator(".draft-line")).to_contain_text(f"{saved_at}, not yet recorded")
    expect(page.get_by_label("Warm part")).to_have_value("1,2 or so")
    page.get_by_label("Warm part").fill("1.25")
    page.get_by_label("Reason").fill("the corner is warm")
    page.get_by_role("button", name="Save the reading").click()
    expect(page.locator(".review-list")).to_contain_text("the corner is warm")
    expect(page.locator(".draft-line")).to_have_count(0)
    assert (kept(app, Review), kept(app, ReviewDraft)) == (1, 0)


@pytest.mark.parametrize("javascript", ["javascript"], indirect=True)
def test_a_draft_is_thrown_away_when_its_reader_says_so(app: Flask, page: Page, colours: Path) -> None:
    address = read(page, "rainbow", colours)
    page.get_by_label("Reason").fill("not this")
    expect(page.locator("#review-form [data-draft-status]")).to_contain_text("Saved ")
    page.goto(address)
    page.get_by_role("button", name="Discard the draft").click()
    expect(page.get_by_label("Reason")).to_have_value("")
    assert kept(app, ReviewDraft) == 0


@pytest.mark.parametrize("javascript", ["javascript"], indirect=True)
def test_what_is_typed_after_the_session_ended_is_saved_once_there_is_a_login_again(
        app: Flask, page: Page, colours: Path) -> None:
    read(page, "rainbow", colours)
    end_sessions(app)
    page.get_by_label("Reason").fill("typed while logged out")
    status = page.locator("#review-form [data-draft-status]")
    expect(status).to_contain_text("log in in another tab; it will be saved then")
    other = page.context.new_page()
    log_in(other, EMAIL)
    expect(other.get_by_role("heading", level=1)).to_contain_text("Worklist")
    page.bring_to_front()
    expect(status).to_contain_text("Saved ")
    assert drafted_reason(app) == "typed while logged out"
    page.get_by_label("Cannot be judged").check()
    page.get_by_role("button", name="Save the reading").click()
    expect(page.locator(".review-list")).to_contain_text("typed while logged out")


@pytest.mark.parametrize("javascript", ["javascript"], indirect=True)
def test_without_a_network_the_page_says_so_and_saves_later(app: Flask, page: Page, colours: Path) -> None:
    read(page, "rainbow", colours)
    away = {"is": True}

    def answer(route: Route) -> None:
        route.abort() if away["is"] else route.continue_()

    page.route("**/review/draft", answer)
    page.get_by_label("Reason").fill("typed on the train")
    status = page.locator("#review-form [data-draft-status]")
    expect(status).to_contain_text("Not saved: the portal could not be reached")
    away["is"] = False
    expect(status).to_contain_text("Saved ")
    assert drafted_reason(app) == "typed on the train"


def test_a_reading_sent_after_the_session_ended_comes_back_after_the_login(
        app: Flask, page: Page, javascript: bool, colours: Path) -> None:
    address = read(page, "rainbow", colours)
    end_sessions(app)
    page.get_by_label("I read it differently").check()
    page.get_by_label("Warm part").fill("1.25")
    page.get_by_label("Reason").fill("sent while logged out")
    page.get_by_role("button", name="Save the reading").click()
    expect(page.locator("main")).to_contain_text("what you typed comes back as a draft")
    assert kept(app, Review) == 0
    log_in_here(page)
    expect(page).to_have_url(f"{address}/review")
    expect(page.get_by_label("Reason")).to_have_value("sent while logged out")
    expect(page.get_by_label("Warm part")).to_have_value("1.25")
    page.get_by_role("button", name="Save the reading").click()
    expect(page.locator(".review-list")).to_contain_text("sent while logged out")
    assert kept(app, ReviewDraft) == 0


def test_the_next_reading_says_what_it_changed(page: Page, colours: Path) -> None:
    read(page, "rainbow", colours)
    for warm, reason in (("1.25", "first look"), ("1.5", "second look")):
        page.get_by_label("I read it differently").check()
        page.get_by_label("Warm part").fill(warm)
        page.get_by_label("Reason").fill(reason)
        page.get_by_role("button", name="Save the reading").click()
        expect(page.locator(".review-list")).to_contain_text(reason)
    row = page.locator(".review-changes tr", has_text="Warm part")
    expect(row).to_contain_text("1.25 points of 4")
    expect(row).to_contain_text("1.50 points of 4")


@pytest.mark.parametrize("javascript", ["javascript"], indirect=True)
def test_nuclei_are_put_into_other_classes_by_keyboard_and_pointer(app: Flask, page: Page, colours: Path) -> None:
    read(page, "rainbow", colours)
    page.get_by_role("button", name="Count the nuclei on the image").click()
    expect(page.locator("[data-here]")).to_contain_text("3 nuclei.")
    hot, cold = (page.locator(f"[data-class={name}] [data-count]") for name in ("hot", "cold"))
    expect(cold).to_have_text("2")
    page.locator("canvas").press("ArrowRight")
    expect(page.locator("[data-here]")).to_contain_text("Nucleus")
    page.get_by_role("button", name="hot").click()
    click_nucleus(page, 0)
    expect(hot).to_have_text("2")
    expect(page.locator("[data-here]")).to_have_text("Nucleus 1 of 3: hot, was cold")
    page.locator("canvas").press("0")
    expect(page.locator("[data-class=''] [data-count]")).to_have_text("1")
    expect(page.locator("[data-follows]")).to_contain_text("0.50 of 5")
    page.locator("canvas").press("u")
    expect(hot).to_have_text("2")
    expect(page.locator("[data-follows]")).to_contain_text("0.75 of 5")
    page.get_by_role("button", name="Back to the form").click()
    expect(page.get_by_label("I read it differently")).to_be_checked()
    expect(page.get_by_label("Warm part")).to_have_value("0.5")
    expect(page.get_by_label("Warm part")).not_to_be_editable()
    expect(page.locator("#review-form [data-draft-status]")).to_contain_text("Saved ")
    # That may have been said of an earlier change: leaving needs no question once nothing is left to be kept.
    page.wait_for_function("() => window.dispatchEvent(new Event('beforeunload', {cancelable: true}))")
    page.reload()
    expect(page.locator("[data-recount-summary]")).to_contain_text("1 nucleus changed")
    page.get_by_label("Reason").fill("a hot one")
    page.get_by_role("button", name="Save the reading").click()
    expect(page.locator(".review-list")).to_contain_text("Nuclei counted again: 1 from cold to hot.")
    with app.app_context():
        assert db.session.query(Review).one().corrections == [[0, "hot"]]


@pytest.mark.parametrize("javascript", ["javascript"], indirect=True)
def test_a_key_meant_for_the_nuclei_changes_no_verdict_behind_them(page: Page, colours: Path) -> None:
    read(page, "rainbow", colours)
    expect(page.locator(".keys")).to_be_visible()
    put_one_nucleus_elsewhere(page)
    page.locator("canvas").press("a")
    page.get_by_role("button", name="Back to the form").click()
    expect(page.get_by_label("I read it differently")).to_be_checked()


@pytest.mark.parametrize("javascript", ["javascript"], indirect=True)
def test_a_login_that_ends_while_nuclei_are_counted_costs_no_count(app: Flask, page: Page, colours: Path) -> None:
    read(page, "rainbow", colours)
    expect(page.locator(".keys")).to_be_visible()
    put_one_nucleus_elsewhere(page)
    end_sessions(app)
    look_at_the_page_again(page)
    expect(page.locator("[data-idle]")).to_contain_text("You were logged out.")
    page.keyboard.press("a")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Log in").click()
    log_in(opened.value, EMAIL)
    expect(opened.value.get_by_role("heading", level=1)).to_contain_text("Worklist")
    look_at_the_page_again(page)
    expect(page.get_by_label("I read it differently")).to_be_checked()
    expect(page.locator("[data-recount-summary]")).to_contain_text("1 nucleus changed")
    page.get_by_role("button", name="Count the nuclei on the image").click()
    expect(page.locator("[data-class=hot] [data-count]")).to_have_text("2")


@pytest.mark.datasets
@pytest.mark.parametrize("javascript", ["javascript"], indirect=True)
def test_an_er_count_is_corrected_on_the_image(app: Flask, page: Page, datasets: Path) -> None:
    read(page, "er", datasets / FIELD)
    with app.app_context():
        said = db.session.query(Prediction).one()
        before, nuclei = said.scores, said.evidence["nuclei"]  # type: ignore[index]
    chosen = next(number for number, one in enumerate(nuclei) if one[2] == "strong")
    page.get_by_role("button", name="Count the nuclei on the image").click()
    expect(page.locator("[data-here]")).to_contain_text(f"{len(nuclei)} nuclei.")
    expect(page.locator("[data-follows]")).to_contain_text(f"{before['h_score']:.0f} of 300")
    page.locator("[data-class=weak]").click()
    click_nucleus(page, chosen)
    after = before["h_score"] - 100 * 2 / len(nuclei)
    expect(page.locator("[data-follows]")).to_contain_text(f"{after:.0f} of 300")
    expect(page.locator("[data-follows]")).to_contain_text("Allred score")
    page.get_by_role("button", name="Back to the form").click()
    page.get_by_label("Reason").fill("this one is weak")
    page.get_by_role("button", name="Save the reading").click()
    expect(page.locator(".review-list")).to_contain_text("1 from strong to weak")
    with app.app_context():
        review = db.session.query(Review).one()
        assert review.corrections == [[chosen, "weak"]]
        assert review.scores is not None
        assert review.scores["h_score"] == pytest.approx(after)
        assert db.session.query(Prediction).one().scores == before


def log_in_here(page: Page) -> None:
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.locator("main button[type=submit]").click()


def clock(page: Page, moment: datetime) -> str:
    """What the browser's own clock shows then, to the minute."""
    shown = "moment => new Date(moment).toLocaleTimeString('en-GB', {hour: '2-digit', minute: '2-digit'})"
    return str(page.evaluate(shown, f"{moment.isoformat()}Z"))


def put_one_nucleus_elsewhere(page: Page) -> None:
    """On the image, which stays open."""
    page.get_by_role("button", name="Count the nuclei on the image").click()
    expect(page.locator("[data-here]")).to_contain_text("3 nuclei.")
    page.get_by_role("button", name="hot").click()
    click_nucleus(page, 0)
    expect(page.locator("[data-class=hot] [data-count]")).to_have_text("2")


def look_at_the_page_again(page: Page) -> None:
    """As somebody does who comes back from another tab."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def click_nucleus(page: Page, number: int) -> None:
    """Where the whole image shows it."""
    page.get_by_role("button", name="Whole image").click()
    place = page.evaluate("""async (number) => {
        const dialog = document.querySelector("[data-recount]"), canvas = dialog.querySelector("canvas");
        const image = new Image();
        image.src = dialog.dataset.image;
        await image.decode();
        const { nuclei } = await (await fetch(dialog.dataset.nuclei)).json();
        const [width, height] = [canvas.clientWidth, canvas.clientHeight];
        const scale = Math.min(width / image.naturalWidth, height / image.naturalHeight);
        const [x, y] = nuclei[number];
        return { x: x * scale + (width - image.naturalWidth * scale) / 2,
                 y: y * scale + (height - image.naturalHeight * scale) / 2 };
    }""", number)
    page.locator("canvas").click(position=place)
