"""A slide in a real browser: zoomed, drawn on, sent in pieces that survive what happens to networks and pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import select

from portal.extensions import db
from portal.storage.drawings import list_annotations
from portal.storage.tables.readings import Annotation
from tests.browser.conftest import open_window
from tests.browser.test_journey import log_in
from tests.conftest import PASSWORD
from tests.support.client import Client
from tests.support.patience import until
from tests.support.served import EMAIL, add_user, serve
from tests.support.slides import kept_slide, layered_reading, slide, work
from tests.web.test_cases import open_case

pytestmark = pytest.mark.browser


@pytest.fixture
def served(tmp_path: Path, sqlite_template: Path) -> Iterator[tuple[Flask, str]]:
    """A portal with a reader and an empty case."""
    with serve(tmp_path, sqlite_template) as (app, address):
        add_user(app)
        reader = Client(app)
        reader.post("/login", {"email": EMAIL, "password": PASSWORD})
        open_case(reader)
        yield app, address


@pytest.fixture
def page(served: tuple[Flask, str], browser: Browser) -> Iterator[Page]:
    with open_window(browser, served[1], javascript=True) as page:
        log_in(page, EMAIL)
        yield page


def open_slide(page: Page, path: str = "/images/1/slide") -> None:
    page.goto(path)
    expect(page.locator("[data-slide][data-ready]")).to_be_visible()


def shown(page: Page) -> list[float]:
    """What is in view, in shares of the slide."""
    scale = page.locator(".slide-shapes > g").get_attribute("transform") or ""
    return [float(number) for number in re.findall(r"-?[\d.]+(?:e-?\d+)?", scale)]


def test_a_slide_is_zoomed_and_its_regions_are_gone_to(served: tuple[Flask, str], page: Page) -> None:
    app, _ = served
    kept_slide(app, 1, width=3000, height=2200)
    layered_reading(app, 1)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    open_slide(page)
    before = shown(page)

    page.get_by_role("link", name="Go there to region 1").click()

    expect(page.locator(".slide-scale")).to_contain_text("µm")
    page.wait_for_function("before => document.querySelector('.slide-shapes > g').getAttribute('transform') !== before",
                           arg=f"translate({before[0]} {before[1]}) scale({before[2]})")
    page.wait_for_function("""() => Number(document.querySelector('.slide-shapes > g')
        .getAttribute('transform').match(/scale\\(([^)]+)/)[1]) > 1""")
    assert any(path.startswith("/images/1/tiles/") for path in asked)
    assert any(path.endswith("/layers/map.png") for path in asked)


def test_keys_move_and_zoom(served: tuple[Flask, str], page: Page) -> None:
    kept_slide(served[0], 1)
    open_slide(page)
    canvas = page.get_by_role("application")
    canvas.focus()
    before = shown(page)[2]

    # Held, as a reader does: OpenSeadragon zooms by frames, and taps within one frame count as one.
    page.keyboard.down("+")
    page.wait_for_function("""before => Number(document.querySelector('.slide-shapes > g')
        .getAttribute('transform').match(/scale\\(([^)]+)/)[1]) > 1.2 * before""", arg=before)
    page.keyboard.up("+")


def test_no_key_mirrors_or_turns_the_slide_under_its_drawings(served: tuple[Flask, str], page: Page) -> None:
    kept_slide(served[0], 1)
    open_slide(page)
    page.get_by_role("application").focus()

    for key in ("f", "r", "Shift+R"):
        page.keyboard.press(key)

    turned = page.evaluate("""() => {
        const { viewport } = OpenSeadragon.getViewer(document.querySelector(".slide-host"));
        return [viewport.getFlip(), viewport.getRotation()];
    }""")
    assert turned == [False, 0]


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    box = page.locator("[data-slide-stage]").bounding_box()
    assert box
    page.mouse.move(box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + end[0] * box["width"], box["y"] + end[1] * box["height"], steps=4)
    page.mouse.up()


def click(page: Page, *places: tuple[float, float]) -> None:
    box = page.locator("[data-slide-stage]").bounding_box()
    assert box
    for x, y in places:
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def texts(app: Flask) -> list[str]:
    """What is kept beside each drawing, in the order they were drawn."""
    with app.app_context():
        rows = db.session.scalars(select(Annotation).order_by(Annotation.id))
        return list({one.mark: one.text for one in rows}.values())


def test_what_is_drawn_is_kept_with_its_text(served: tuple[Flask, str], page: Page) -> None:
    kept_slide(served[0], 1)
    open_slide(page)

    page.get_by_role("button", name="Box", exact=True).click()
    drag(page, (0.4, 0.4), (0.6, 0.6))
    expect(page.locator("[data-drawing-status]")).to_contain_text("Saved")
    page.get_by_role("textbox", name="Text", exact=True).first.fill("mitosis?")
    expect(page.locator("[data-drawing-status]")).to_contain_text("Saved")
    page.get_by_role("button", name="Point", exact=True).click()
    click(page, (0.5, 0.5))
    expect(page.locator(".annotation")).to_have_count(2)
    page.get_by_role("button", name="Polygon", exact=True).click()
    click(page, (0.45, 0.5), (0.55, 0.5), (0.5, 0.6))
    page.keyboard.press("Enter")
    expect(page.locator(".annotation")).to_have_count(3)
    until(lambda: texts(served[0]) == ["mitosis?", "", ""])

    open_slide(page)

    assert [one.get_attribute("data-shape") for one in page.locator(".annotation").all()] == ["box", "point", "polygon"]
    expect(page.get_by_label("Text of drawing 1")).to_have_value("mitosis?")
    assert page.locator(".drawn .is-own").count() == 3


def test_a_drawing_can_be_drawn_again_and_removed(served: tuple[Flask, str], page: Page) -> None:
    kept_slide(served[0], 1)
    open_slide(page)
    page.get_by_role("button", name="Point", exact=True).click()
    click(page, (0.5, 0.5))
    row = page.locator(".annotation")
    expect(row).to_have_count(1)
    first = row.get_attribute("data-points")

    page.get_by_role("button", name="Draw again").click()
    click(page, (0.6, 0.6))
    expect(row).not_to_have_attribute("data-points", first or "")
    row.get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)

    open_slide(page)
    expect(row).to_have_count(0)


def draw_box(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    rows = page.locator(".annotation").count()
    page.get_by_role("button", name="Box", exact=True).click()
    drag(page, start, end)
    expect(page.locator(".annotation")).to_have_count(rows + 1)


def test_a_drawing_is_called_by_the_same_number_everywhere_after_another_was_removed(
        served: tuple[Flask, str], page: Page) -> None:
    kept_slide(served[0], 1)
    open_slide(page)
    draw_box(page, (0.3, 0.3), (0.4, 0.4))
    draw_box(page, (0.5, 0.5), (0.6, 0.6))
    open_slide(page)
    page.get_by_role("button", name="Remove drawing 1").click()
    expect(page.locator(".annotation")).to_have_count(1)
    options = page.locator("[data-cut] [name=mark] option")
    expect(options).to_have_text(["D1: box"])
    expect(page.locator(".box-number")).to_have_text(["D1"])
    expect(page.get_by_role("button", name="Remove drawing 1")).to_be_visible()
    expect(page.get_by_label("Text of drawing 1")).to_be_visible()

    draw_box(page, (0.3, 0.3), (0.4, 0.4))

    expect(options).to_have_text(["D1: box", "D2: box"])
    marks = options.evaluate_all("all => all.map((one) => one.value)")
    open_slide(page)
    expect(options).to_have_text(["D1: box", "D2: box"])
    assert options.evaluate_all("all => all.map((one) => one.value)") == marks


def test_what_was_drawn_again_is_gone_to_where_it_is_now(served: tuple[Flask, str], page: Page) -> None:
    kept_slide(served[0], 1)
    open_slide(page)
    draw_box(page, (0.3, 0.3), (0.35, 0.35))
    there = page.locator(".annotation [data-go]")
    before = there.get_attribute("data-go") or ""

    page.get_by_role("button", name="Draw again").click()
    drag(page, (0.6, 0.6), (0.65, 0.65))

    expect(there).not_to_have_attribute("data-go", before)
    now = there.get_attribute("data-go") or ""
    open_slide(page)
    expect(there).to_have_attribute("data-go", now)


def test_a_drawing_that_cannot_be_sent_is_kept_and_sent_later(served: tuple[Flask, str], page: Page) -> None:
    kept_slide(served[0], 1)
    open_slide(page)
    page.route("**/annotations", lambda route: route.abort())
    page.get_by_role("button", name="Polygon", exact=True).click()
    click(page, (0.45, 0.5), (0.55, 0.5), (0.5, 0.6))
    page.keyboard.press("Enter")
    status = page.locator("[data-drawing-status]")
    expect(status).to_have_text("Not saved: the portal could not be reached. It is tried again.")
    expect(page.locator(".drawn .is-own polygon")).not_to_have_count(0)

    warned: list[str] = []
    page.once("dialog", lambda dialog: (warned.append(dialog.type), dialog.dismiss()))
    page.get_by_role("link", name="History").first.click()
    expect(page.locator(".annotation")).to_have_count(0)
    assert warned == ["beforeunload"]
    page.unroute_all()

    expect(page.locator(".annotation")).to_have_count(1)
    expect(status).to_contain_text("Saved")
    open_slide(page)
    expect(page.locator(".annotation")).to_have_attribute("data-shape", "polygon")


def test_a_text_and_a_removal_that_cannot_be_sent_are_sent_later(served: tuple[Flask, str], page: Page) -> None:
    kept_slide(served[0], 1)
    open_slide(page)
    draw_box(page, (0.3, 0.3), (0.4, 0.4))
    draw_box(page, (0.5, 0.5), (0.6, 0.6))
    page.route("**/annotations/**", lambda route: route.abort())
    status = page.locator("[data-drawing-status]")
    rows = page.locator(".annotation")
    rows.nth(0).get_by_role("textbox").fill("mit")
    expect(status).to_contain_text("It is tried again.")
    rows.nth(0).get_by_role("textbox").fill("mitosis?")
    rows.nth(1).get_by_role("button", name="Remove").click()
    page.unroute_all()

    expect(rows).to_have_count(1)
    until(lambda: drawn_texts(served[0]) == ["mitosis?"])
    expect(status).to_contain_text("Saved")


def drawn_texts(app: Flask) -> list[str]:
    with app.app_context():
        return [one.text for one in list_annotations(1)]


def test_a_drawing_whose_answer_was_lost_is_kept_once(served: tuple[Flask, str], page: Page) -> None:
    kept_slide(served[0], 1)
    open_slide(page)
    lost: list[int] = []

    def lose_once(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer) if lost else route.abort()
        lost.append(answer.status)

    page.route("**/annotations", lose_once)
    page.get_by_role("button", name="Point", exact=True).click()
    click(page, (0.5, 0.5))

    expect(page.locator(".annotation")).to_have_count(1)
    assert lost == [201, 201]
    assert drawn_texts(served[0]) == [""]


def large(folder: Path) -> Path:
    path = folder / "large.svs"
    path.write_bytes(slide(3000, 2400))
    assert path.stat().st_size > 20_000_000
    return path


def offsets(page: Page) -> list[int]:
    """Where the pieces began that this page sends from now on."""
    seen: list[int] = []
    page.on("request", lambda request: seen.append(int(parse_qs(urlsplit(request.url).query)["offset"][0]))
            if request.url.partition("?")[0].endswith("/pieces") else None)
    return seen


def choose(page: Page, path: Path) -> None:
    page.set_input_files("input[type=file]", str(path))
    page.get_by_role("button", name="Upload and read").click()


def test_a_slide_goes_on_after_the_network_was_lost(
        served: tuple[Flask, str], page: Page, tmp_path: Path) -> None:
    page.goto("/cases/1")
    seen, lost = offsets(page), []

    def lose(route: Route) -> None:
        if len(seen) == 2 and not lost:
            lost.append(route)
            route.abort()
        else:
            route.continue_()

    page.route("**/pieces?*", lose)
    page.route("**/cases/1", lambda route: route.abort() if lost and len(lost) == 1 else route.continue_())
    choose(page, large(tmp_path))
    expect(page.get_by_text("The portal cannot be reached.").first).to_be_visible()
    expect(page.get_by_role("button", name="Try now")).to_be_visible()
    lost.append(lost[0])

    # The page asks again by itself as well, and may have hidden the button by now.
    page.locator("[data-ask-again]").dispatch_event("click")

    expect(page.locator(".upload-file")).to_contain_text("Arrived")
    assert seen == sorted(seen)
    assert len(set(seen)) == len(seen) - 1


def test_a_slide_goes_on_after_the_page_was_left(
        served: tuple[Flask, str], page: Page, tmp_path: Path) -> None:
    app, _ = served
    page.goto("/cases/1")
    seen = offsets(page)
    path = large(tmp_path)
    page.route("**/pieces?*", lambda route: route.continue_() if len(seen) < 2 else None)
    with page.expect_request(lambda _: len(seen) == 2):  # Which is sent only when the first was answered.
        choose(page, path)
    page.unroute_all(behavior="ignoreErrors")
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/cases/1")
    expect(page.get_by_text("are here.")).to_be_visible()
    seen.clear()

    choose(page, path)

    expect(page.locator(".upload-file")).to_contain_text("Arrived")
    assert min(seen) > 8_000_000
    expect(page.get_by_text("are here.")).to_be_hidden()
    work(app)
    page.goto("/cases/1")
    expect(page.get_by_role("link", name="large.svs", exact=True)).to_be_visible()


@pytest.mark.parametrize("name", ["by pieces.svs", "with the form.tif"])
def test_a_page_that_stays_open_shows_the_job_and_then_the_slide(
        served: tuple[Flask, str], page: Page, tmp_path: Path, name: str) -> None:
    app, _ = served
    page.goto("/cases/1")
    for file in (tmp_path / name, tmp_path / f"second {name}"):
        file.write_bytes(slide(700, 600, seed=len(file.name)))
        choose(page, file)
        expect(page.locator("#watched")).to_contain_text(f"Take in {file.name}")
        work(app)
        expect(page.get_by_role("link", name=file.name, exact=True)).to_be_visible()
        expect(page.locator("#watched")).to_contain_text("Nothing is on its way")


def test_a_text_under_a_slides_name_is_refused_at_once(
        served: tuple[Flask, str], page: Page, tmp_path: Path) -> None:
    path = tmp_path / "letter.svs"
    path.write_text("Dear colleague, " * 100_000)
    page.goto("/cases/1")
    seen = offsets(page)

    choose(page, path)

    expect(page.locator(".upload-file")).to_contain_text("not a slide")
    assert seen == []
