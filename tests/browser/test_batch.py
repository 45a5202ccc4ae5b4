"""Many files: held by the browser, sent one after the other, and none lost or kept twice whatever comes between."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Dialog, Page, expect
from sqlalchemy import delete, func, select

from models.engine import Engine
from portal.extensions import db
from portal.storage import access
from portal.storage.tables.accounts import UserSession
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.cases import Image
from portal.storage.tables.readings import Prediction
from tests.browser.conftest import open_window
from tests.browser.test_journey import log_in, open_case
from tests.support import pictures
from tests.support.patience import PATIENCE
from tests.support.served import EMAIL, add_user, serve

pytestmark = pytest.mark.browser

COLLEAGUE = "colleague@clinic.example"
DROP = """([selector, folder]) => {
  const file = (path, kind) => ({isDirectory: false, fullPath: path,
    file: (give) => give(new File([path], path.split("/").pop(), {type: kind, lastModified: 1}))});
  const locked = {isDirectory: false, fullPath: "/locked.png", file: (_, fail) => fail(new Error("locked"))};
  const reader = (entries) => { let at = 0;
    return {readEntries: (give) => { give(entries.slice(at, at + 100)); at += 100; }}; };
  const folderOf = (path, entries) => ({isDirectory: true, fullPath: path, createReader: () => reader(entries)});
  const many = Array.from({length: folder}, (_, n) => file(`/slides/deep/${n}.png`, "image/png"));
  const slides = folderOf("/slides", [folderOf("/slides/deep", many), file("/slides/.hidden.png", "image/png"),
    file("/slides/Thumbs.db", ""), file("/slides/notes.txt", "text/plain"), locked]);
  const event = new Event("drop", {bubbles: true, cancelable: true});
  event.dataTransfer = {items: [{webkitGetAsEntry: () => slides}]};
  document.querySelector(selector).dispatchEvent(event);
}"""


@pytest.fixture
def served(tmp_path: Path, sqlite_template: Path) -> Iterator[tuple[Flask, str]]:
    with serve(tmp_path, sqlite_template) as (app, address):
        add_user(app)
        yield app, address


@pytest.fixture
def app(served: tuple[Flask, str]) -> Flask:
    return served[0]


@pytest.fixture
def page(browser: Browser, served: tuple[Flask, str]) -> Iterator[Page]:
    with open_window(browser, served[1], javascript=True) as page:
        log_in(page, EMAIL)
        open_case(page)
        # Before its script has come, the page sends as one without JavaScript does.
        page.wait_for_load_state("load")
        yield page


@pytest.fixture
def files(tmp_path: Path) -> Callable[[int], list[str]]:
    """Writes so many small images, no two alike; all are kept and refused, which is quick."""

    def write(number: int) -> list[str]:
        paths = [tmp_path / f"image-{one:03}.png" for one in range(number)]
        for one, path in enumerate(paths):
            path.write_bytes(pictures.blank(200 + one))
        return [str(path) for path in paths]

    return write


class Gate:
    """Holds every reading until it is let through, and can make one fail."""

    def __init__(self, read: Callable[..., Any]) -> None:
        self.read, self.turns, self.fail = read, threading.Semaphore(0), False

    def __call__(self, *arguments: Any) -> Any:
        assert self.turns.acquire(timeout=PATIENCE)
        if self.fail:
            raise RuntimeError
        return self.read(*arguments)

    def let(self, number: int) -> None:
        self.turns.release(number)


@pytest.fixture
def gate(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    engine: Engine = app.extensions["engine"]
    gate = Gate(engine.read)
    monkeypatch.setattr(engine, "read", gate)
    yield gate
    gate.let(1000)


def choose(page: Page, paths: list[str]) -> None:
    page.locator("input[type=file]").set_input_files(paths)


def start(page: Page) -> None:
    page.get_by_role("button", name="Upload and read").click()


def overall(page: Page, words: str) -> None:
    expect(page.locator("[data-overall-words]")).to_contain_text(words)


def counted(app: Flask, table: type[Any]) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(table)) or 0


def test_results_open_while_the_rest_runs(page: Page, gate: Gate, files: Callable[[int], list[str]]) -> None:
    choose(page, files(4))
    start(page)
    overall(page, "0 of 4 done")
    gate.let(1)
    overall(page, "1 of 4 done")
    card = page.locator("#case-images").get_by_role("link", name="image-000.png").first
    expect(card).to_be_visible()
    with page.context.expect_page() as opened:
        card.click()
    expect(opened.value.get_by_role("heading", level=1)).to_have_text("image-000.png")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open the result of image-000.png").click()
    expect(opened.value.get_by_role("heading", level=1)).to_have_text("image-000.png")
    gate.let(3)
    overall(page, "4 of 4 done")
    expect(page.locator("#case-images .image-card")).to_have_count(4)
    expect(page.locator("#case-images h2")).to_contain_text("4")
    expect(page.get_by_role("status").last).to_have_text("4 not scored.")


def test_a_card_that_somebody_types_in_is_left_alone(
        page: Page, gate: Gate, files: Callable[[int], list[str]]) -> None:
    gate.let(1)
    choose(page, files(2))
    start(page)
    card = page.locator("#image-1")
    card.get_by_text("Add").click()
    card.get_by_label("Serial").fill("S-1-01")
    gate.let(1)
    expect(page.locator("#image-2")).to_be_visible()
    expect(card.get_by_label("Serial")).to_have_value("S-1-01")
    card.get_by_role("button", name="Save").click()
    expect(page.locator("#image-1")).to_contain_text("Serial S-1-01, group none")


def test_all_that_failed_are_tried_again_at_once_and_none_is_kept_twice(
        page: Page, app: Flask, gate: Gate, files: Callable[[int], list[str]], tmp_path: Path) -> None:
    letter = tmp_path / "letter.png"
    letter.write_bytes(b"Dear colleague")
    gate.fail = True
    gate.let(100)
    choose(page, [*files(3), str(letter)])
    start(page)
    overall(page, "4 of 4 done")
    page.get_by_role("button", name="Only failed (4)").click()
    gate.fail = False
    page.get_by_role("button", name="Try all failed again (3)").click()
    expect(page.locator(".upload-file.is-refused")).to_have_count(3)
    expect(page.locator(".upload-file:visible")).to_have_count(1)
    expect(page.locator(".upload-file:visible")).to_contain_text("letter.png")
    expect(page.get_by_role("button", name="Try all failed again")).to_be_hidden()
    assert (counted(app, Image), counted(app, Prediction)) == (3, 3)


def test_one_is_stopped_and_the_rest_goes_on(page: Page, gate: Gate, files: Callable[[int], list[str]]) -> None:
    choose(page, files(3))
    start(page)
    page.get_by_role("button", name="Stop sending image-000.png").click()
    expect(page.locator(".upload-file").first).to_contain_text("You stopped it")
    gate.let(10)
    overall(page, "3 of 3 done")
    expect(page.locator(".upload-file.is-refused")).to_have_count(2)
    page.get_by_role("button", name="Try image-000.png again").click()
    expect(page.locator(".upload-file").first).to_contain_text("Already in this case")


def test_all_are_stopped_and_started_again(page: Page, gate: Gate, files: Callable[[int], list[str]]) -> None:
    choose(page, files(3))
    start(page)
    overall(page, "0 of 3 done")
    page.get_by_role("button", name="Stop sending", exact=True).click()
    expect(page.locator(".upload-file.is-pending")).to_have_count(2)
    expect(page.get_by_role("button", name="Upload and read")).to_be_enabled()
    gate.let(10)
    start(page)
    overall(page, "3 of 3 done")
    page.get_by_role("button", name="Clear the list").click()
    expect(page.locator(".upload-file")).to_have_count(0)


def test_a_model_chosen_while_files_are_sent_is_for_those_that_come_later(
        page: Page, app: Flask, gate: Gate, files: Callable[[int], list[str]]) -> None:
    choose(page, files(2))
    start(page)
    overall(page, "0 of 2 done")
    page.get_by_label("Model").select_option("pancreas")
    gate.let(10)
    overall(page, "2 of 2 done")
    with app.app_context():
        assert set(db.session.scalars(select(Prediction.model))) == {"leukemia"}


def end_the_login(page: Page, app: Flask, gate: Gate) -> None:
    """While the second of three files is sent."""
    start(page)
    gate.let(1)
    overall(page, "1 of 3 done")
    with app.app_context():
        db.session.execute(delete(UserSession))
        db.session.commit()
    gate.let(10)
    expect(page.locator("[data-interruption]")).to_contain_text("You were logged out")


def log_in_beside(page: Page, email: str) -> None:
    """And come back: the page asks whether it may go on."""
    page.context.clear_cookies()
    beside = page.context.new_page()
    log_in(beside, email)
    expect(beside.get_by_role("heading", level=1)).to_contain_text("Worklist")
    with page.expect_response(page.url):
        page.evaluate("window.dispatchEvent(new Event('focus'))")


@pytest.mark.parametrize("refused", [False, True], ids=["on the case", "on what a refused share shows"])
def test_a_login_that_ends_in_the_middle_costs_nothing(
        page: Page, app: Flask, gate: Gate, files: Callable[[int], list[str]], refused: bool) -> None:
    if refused:
        add_user(app, COLLEAGUE)
        page.reload()
        page.get_by_role("button", name="Share the case").click()
        page.wait_for_url("**/readers#readers", wait_until="load")
    choose(page, files(3))
    end_the_login(page, app, gate)
    expect(page.locator(".upload-file.is-pending").first).to_contain_text("will be sent again")
    expect(page.get_by_role("button", name="Try now")).to_be_visible()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Log in").click()
    log_in(opened.value, EMAIL)
    expect(opened.value.get_by_role("heading", level=1)).not_to_have_text("Log in")
    # Which asks again by itself as well, and may have hidden the button by then.
    page.locator("[data-ask-again]").dispatch_event("click")
    overall(page, "3 of 3 done")
    expect(page.locator("[data-interruption]")).to_be_hidden()
    assert (counted(app, Image), counted(app, Prediction)) == (3, 3)


def test_nothing_goes_on_under_the_account_of_a_colleague_who_logs_in_meanwhile(
        page: Page, app: Flask, gate: Gate, files: Callable[[int], list[str]]) -> None:
    with app.app_context():
        access.add_reader(1, add_user(app, COLLEAGUE), 1)
        db.session.commit()
    choose(page, files(3))
    end_the_login(page, app, gate)
    log_in_beside(page, COLLEAGUE)
    expect(page.locator("[data-interruption]")).to_contain_text("with the same account")
    log_in_beside(page, EMAIL)
    overall(page, "3 of 3 done")
    with app.app_context():
        who = db.session.scalars(select(AuditEvent.actor_id).where(AuditEvent.action == "image.read"))
        assert list(who) == [1, 1, 1]


def test_a_network_that_goes_and_comes_back_costs_nothing(
        page: Page, app: Flask, gate: Gate, files: Callable[[int], list[str]]) -> None:
    choose(page, files(3))
    start(page)
    gate.let(1)
    overall(page, "1 of 3 done")
    page.context.set_offline(True)
    gate.let(10)
    expect(page.locator("[data-interruption]")).to_contain_text("cannot be reached")
    expect(page.get_by_role("link", name="Log in")).to_be_hidden()
    page.context.set_offline(False)
    overall(page, "3 of 3 done")
    assert (counted(app, Image), counted(app, Prediction)) == (3, 3)


def test_an_answer_that_is_lost_on_its_way_makes_no_second_record(
        page: Page, app: Flask, files: Callable[[int], list[str]]) -> None:
    answer, lost = app.wsgi_app, list[str]()

    def lose_once(environ: dict[str, Any], start_response: Any) -> Any:
        if lost or environ["REQUEST_METHOD"] != "POST":
            return answer(environ, start_response)
        lost.append(environ["PATH_INFO"])
        for _ in answer(environ, lambda *_: None):
            pass
        start_response("201 CREATED", [("Content-Length", "1000")])
        return [b"{"]

    app.wsgi_app = lose_once  # type: ignore[method-assign]
    choose(page, files(1))
    start(page)
    expect(page.locator(".upload-file")).to_contain_text("Already in this case")
    assert lost == ["/cases/1/images"]
    assert (counted(app, Image), counted(app, Prediction)) == (1, 1)


def test_leaving_warns_only_while_something_would_be_lost(
        page: Page, gate: Gate, files: Callable[[int], list[str]]) -> None:
    warned: list[str] = []

    def stay(dialog: Dialog) -> None:
        warned.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    case = page.url
    choose(page, files(1))
    start(page)
    page.get_by_role("link", name="History").first.click()
    expect(page).to_have_url(case)
    assert warned == ["beforeunload"]
    gate.let(1)
    overall(page, "1 of 1 done")
    page.get_by_role("link", name="History").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("History")
    assert warned == ["beforeunload"]


def test_a_dropped_folder_is_taken_whole_without_what_is_no_picture(page: Page) -> None:
    page.evaluate(DROP, ["[data-drop]", 120])
    expect(page.locator(".upload-file")).to_have_count(120)
    expect(page.get_by_role("status").last).to_have_text(
        "120 files put on the list. Left out: 2 hidden, 1 no picture, 1 not to be opened.")
    expect(page.locator(".upload-file").nth(2)).to_contain_text("slides/deep/2.png")
    page.evaluate(DROP, ["[data-drop]", 240])
    expect(page.locator(".upload-file")).to_have_count(200)
    expect(page.get_by_role("status").last).to_contain_text("120 on the list already, 40 more than 200 in one go")


def test_a_folder_is_chosen_by_a_button(page: Page, tmp_path: Path) -> None:
    slides = tmp_path / "slides"
    slides.mkdir()
    for name in ("one.png", "two.png", ".DS_Store"):
        (slides / name).write_bytes(pictures.blank(len(name) + 100))
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a folder").click()
    chooser.value.set_files(str(slides))
    expect(page.locator(".upload-file")).to_have_count(2)
    start(page)
    overall(page, "2 of 2 done")


def test_the_rest_is_estimated_only_from_what_was_measured(page: Page) -> None:
    words = page.evaluate("""async () => {
      const { Pace } = await import("/static/js/pace.js");
      const pace = new Pace(), said = [];
      for (const ms of [30000, 30000, 30000, ...Array(20).fill(120000)]) {
        pace.note(ms);
        said.push(pace.left(10));
      }
      return said;
    }""")
    assert words[:2] == ["", ""]
    assert words[2].startswith("About 5 minutes left")
    assert words[-1].startswith("About 20 minutes left")


def test_a_batch_that_is_too_large_for_the_hour_says_so_at_each_file_and_may_be_tried_again(
        app: Flask, page: Page, files: Callable[[int], list[str]]) -> None:
    settings = app.extensions["settings"]
    app.extensions["settings"] = replace(settings, uploads_an_hour=1)
    choose(page, files(3))
    start(page)
    overall(page, "3 of 3 done")
    expect(page.get_by_text("Your account may send 1 files within an hour").first).to_be_visible()
    again = page.get_by_role("button", name="Try all failed again")
    expect(again).to_be_visible()
    app.extensions["settings"] = settings
    again.click()
    expect(page.locator("#case-images .image-card")).to_have_count(3)
    assert counted(app, Image) == 3
