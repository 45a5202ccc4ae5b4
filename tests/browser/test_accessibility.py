"""Every page there is, as axe-core sees it: two widths, light and dark, nothing serious and nothing to scroll aside.

Pages are found in the map of addresses: a new one is looked at without being named here. Where an address needs an
argument that `SAMPLES` does not know, or none of its samples shows a page, the test fails and says so.
What is looked for stands in `looking`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import update
from werkzeug.routing import Map, Rule

from models.imaging.drawn import draw_smear
from portal.extensions import db
from portal.services import deletions, site
from portal.services.audit import Actor
from portal.services.deletions import Person, Shelf
from portal.services.jobs import queue
from portal.storage.incoming import Incoming
from portal.storage.tables.cases import Case
from portal.storage.tables.columns import now
from portal.storage.tables.jobs import Job
from portal.storage.tables.notices import Notice
from tests.browser.conftest import open_window
from tests.browser.looking import Finding, look
from tests.browser.test_journey import log_in
from tests.conftest import PASSWORD
from tests.support import pictures
from tests.support.client import Client
from tests.support.dropped_in import drop_in
from tests.support.own import OWN, make_version
from tests.support.served import EMAIL, add_user, serve
from tests.support.slides import kept_slide, layered_reading, slide
from tests.support.worklists import add_case
from tests.web.test_cases import open_case
from tests.web.test_deliveries import begin
from tests.web.test_forgotten import set_mail
from tests.web.test_images import only, upload

pytestmark = pytest.mark.browser

CHIEF, CHIEF_ID = "chief@clinic.example", 2
SAMPLES: dict[str, tuple[object, ...]] = {
    "case_id": (1, 2, 3),
    "image_id": (1, 6),
    "prediction_id": (1, 2, 3, 4, 5, 6),
    "number": (1,),
    "key": ("leukemia", "rainbow", "isight"),
    "job_id": (1, 2, 3, 4),
    "name": ("calibration",),
    "version": (OWN,),
    "user_id": (1, 2, 3),
    "deletion_id": (1, 2),
}
"""Per argument of an address; what they stand for is made by `fill`."""
BESIDES = ("/nowhere", "/cases?q=nothing-like-this", "/cases?since=2026-02-02&until=2026-02-01")
"""Pages that no rule names: an error, an empty list, a form with a mistake."""
NO_PAGE = re.compile(r"^/api/|\.\w+$|^/static|^/bootstrap")
"""Rules for files and programs."""
ONLY_BY_LINK = {"setup.setup_form", "setup.reset_form"}
"""Without the secret of a one-time link they show that it has expired."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[tuple[Flask, str]]:
    folder = tmp_path_factory.mktemp("served")
    with serve(folder, sqlite_template) as (app, address):
        drop_in(app, folder / "dropped-in")
        add_user(app)
        add_user(app, CHIEF, "admin")
        add_user(app, "waiting@clinic.example", status="waiting")
        set_mail(app, port=9)
        fill(app)
        delete(app)
        yield app, address


def fill(app: Flask) -> None:
    """A case with every kind of answer and a slide, an empty one, a blind one that waits for its first reading, and a
    version of the clinic's own.
    """
    make_version(app.extensions["settings"].models)
    reader = Client(app)
    assert reader.post("/login", {"email": EMAIL, "password": PASSWORD}).status_code == 303
    full, _empty, blind = (open_case(reader, patient=f"P-{number}", note="A note") for number in (1, 2, 3))
    colours = pictures.encode(draw_smear(3)[:240, :300])
    verdicts = [
        only(upload(reader, full, ("secondread-drawn-smear.png", pictures.smear()))),
        only(upload(reader, full, ("S-3602-10X_Image001_ch00.png", pictures.smear(2)))),
        only(upload(reader, full, ("blank.png", pictures.blank()))),
        only(upload(reader, full, ("colours.png", colours), model="rainbow")),
    ]
    assert [one["outcome"] for one in verdicts] == ["scored", "scored", "refused", "scored"]
    agreed = reader.post(f"/predictions/{verdicts[1]['prediction']}/review", {"verdict": "agree"})
    assert agreed.status_code == 303
    with app.app_context():
        db.session.execute(update(Case).where(Case.id == blind).values(blind=True))
        db.session.commit()
    assert only(upload(reader, blind, ("veiled.png", pictures.smear(3))))["outcome"] == "hidden"
    layered_reading(app, kept_slide(app, full))
    reader.post_json("/images/6/annotations", {"shape": "box", "points": [[100, 200], [400, 500]], "text": "a fold"})
    begin(reader, full, slide())
    ask_for_jobs(app, full)


def delete(app: Flask) -> None:
    """A deletion that waits and one that was carried out, a case older than the clinic keeps them, and a notice that
    has ended.
    """
    chief = Person(id=CHIEF_ID, administers=True)
    shelf = Shelf(store=app.extensions["files"], incoming=Incoming(app.extensions["settings"].incoming))
    waits, goes, old = (add_case(app, 1, patient=f"P-{number}") for number in (14, 15, 16))
    with app.app_context():
        for case_id in (waits, goes):
            deletions.propose(Actor(user_id=1), Person(id=1, administers=False), case_id, "opened by mistake")
        deletions.confirm(Actor(user_id=CHIEF_ID), chief, 2, str(goes), shelf)
        site.save(Actor(user_id=CHIEF_ID), replace(site.load(), retention_months=12))
        db.session.execute(update(Case).where(Case.id == old).values(created_at=now() - timedelta(days=900)))
        db.session.add(Notice(text="The stain was pale.", written_by=CHIEF_ID, until=now() - timedelta(days=1)))
        db.session.commit()


def ask_for_jobs(app: Flask, case_id: int) -> None:
    """One that waits, one at work, one that failed, and one that made a file, of the first account."""
    kept = app.extensions["files"].put(b"a,b", ".csv")
    file = {"stored_as": kept, "name": "history.csv", "type": "text/csv", "size": 3}
    states: tuple[dict[str, object], ...] = (
        {}, {"state": "running", "done": 30, "total": 90, "worked_s": 30.0, "note": "tiles"},
        {"state": "failed", "reason": "The slide is broken. Send another copy.", "ended_at": now()},
        {"state": "done", "ended_at": now(), "result": {"file": file}})
    with app.app_context():
        for values in states:
            order = queue.Order(kind="none", title="Read the slide one.svs", params={}, case_id=case_id)
            job_id = queue.submit(app.extensions["carrier"], Actor(user_id=1), order)
            db.session.execute(update(Job).where(Job.id == job_id).values({"id": job_id, **values}))
        db.session.commit()


def rules(app: Flask, *guards: str) -> Iterator[Rule]:
    """What can be asked for by GET and may be a page, of these guards."""
    for rule in app.url_map.iter_rules():
        guard = getattr(app.view_functions[rule.endpoint], "guard", "")
        if "GET" in (rule.methods or ()) and guard in guards and not NO_PAGE.search(rule.rule):
            yield rule


def addresses(rule: Rule) -> list[str]:
    """The rule's address with every sample of its arguments. Fails for one that has none."""
    missing = rule.arguments - SAMPLES.keys()
    assert not missing, f"{rule.endpoint}: give SAMPLES a value for {', '.join(sorted(missing))}"
    names = sorted(rule.arguments)
    built = [rule.build(dict(zip(names, values, strict=True)))
             for values in itertools.product(*(SAMPLES[name] for name in names))]
    return [address for _, address in filter(None, built)]


def pages(page: Page, app: Flask, *guards: str) -> list[str]:
    """The addresses that show a page to whoever is logged in there. Fails for a rule of which none does."""
    found: list[str] = []
    for rule in rules(app, *guards):
        answers = {one: page.request.get(one, max_redirects=0) for one in addresses(rule)}
        assert rule.endpoint in ONLY_BY_LINK or any(answer.status < 400 for answer in answers.values()), (
            f"{rule.endpoint}: no sample shows it; let `fill` make one")
        found += [one for one, answer in answers.items() if answer.headers.get("content-type", "").startswith(
            "text/html") and (answer.status == 200 or rule.endpoint in ONLY_BY_LINK)]
    return found


def look_at_all(page: Page, who: str, found: list[str]) -> None:
    findings: list[Finding] = []
    for one in found:
        page.goto(one)
        findings += look(page, f"{who} {one}")
    assert not findings, "\n".join(map(str, findings))


@pytest.fixture
def window(browser: Browser, served: tuple[Flask, str]) -> Iterator[Page]:
    with open_window(browser, served[1], javascript=True) as page:
        yield page


def test_before_login(window: Page, served: tuple[Flask, str]) -> None:
    look_at_all(window, "stranger", [*pages(window, served[0], "anyone"), "/nowhere"])


def test_a_clinicians_pages(window: Page, served: tuple[Flask, str]) -> None:
    log_in(window, EMAIL)
    expect(window.get_by_role("heading", level=1)).not_to_have_text("Log in")
    look_at_all(window, "clinician", [*pages(window, served[0], "anyone", "signed_in"), *BESIDES])


def test_an_administrators_pages(window: Page, served: tuple[Flask, str]) -> None:
    log_in(window, CHIEF)
    expect(window.get_by_role("heading", level=1)).not_to_have_text("Log in")
    look_at_all(window, "administrator", ["/", "/account", *pages(window, served[0], "administrator")])
    window.goto("/admin/users")
    window.get_by_role("button", name=re.compile("reset|new password", re.IGNORECASE)).first.click()
    assert not look(window, "administrator reset link")


def test_forms_that_need_a_correction(window: Page) -> None:
    findings: list[Finding] = []
    window.goto("/login")
    findings += look(submitted(window), "stranger login with mistakes")
    window.goto("/register")
    findings += look(submitted(window), "stranger register with mistakes")
    log_in(window, EMAIL)
    for address in ("/cases/new", "/predictions/1/review", "/account"):
        window.goto(address)
        findings += look(submitted(window), f"clinician {address} with mistakes")
    assert not findings, "\n".join(map(str, findings))


def submitted(page: Page) -> Page:
    """The first form of the page sent off as it is, whatever the browser thinks of it."""
    form = page.locator("main form[method=post]").first
    with page.expect_navigation():
        form.evaluate("(form) => { form.noValidate = true; form.requestSubmit(); }")
    return page


def test_a_batch_on_its_way(window: Page, tmp_path: Path) -> None:
    paths = [tmp_path / "good.png", tmp_path / "letter.png", tmp_path / "waiting.png"]
    paths[0].write_bytes(pictures.smear(9))
    paths[1].write_bytes(b"Dear colleague")
    paths[2].write_bytes(pictures.smear(8))
    log_in(window, EMAIL)
    window.goto("/cases/2")
    window.wait_for_load_state("load")
    box = window.locator("input[type=file]")
    box.set_input_files([str(path) for path in paths[:2]])
    window.get_by_role("button", name="Upload and read").click()
    expect(window.locator("[data-overall-words]")).to_contain_text("2 of 2 done")
    box.set_input_files(str(paths[2]))
    window.evaluate("document.querySelector('[data-interruption]').hidden = false")
    findings = look(window, "clinician batch")
    assert not findings, "\n".join(map(str, findings))
    window.get_by_role("button", name="Clear the list").click()


def test_a_page_without_a_sample_is_not_passed_over() -> None:
    """The sweep itself: a new page whose argument nobody knows must fail it."""
    rule = Rule("/slides/<int:slide_id>", endpoint="slides.slide_view")
    Map([rule])
    with pytest.raises(AssertionError, match="give SAMPLES a value for slide_id"):
        addresses(rule)


def test_what_is_wrong_is_seen(window: Page) -> None:
    """The sweep itself: a picture without words, pale writing in the dark only, and a page that is too wide."""
    window.goto("/models")
    window.evaluate("""() => {
      const main = document.querySelector("main");
      main.append(document.createElement("img"));
      const pale = Object.assign(document.createElement("p"), {textContent: "Pale in the dark"});
      pale.style.color = "#666";
      pale.style.background = "light-dark(#fff, #555)";
      const wide = Object.assign(document.createElement("p"), {textContent: "Wide"});
      wide.style.width = "500px";
      main.append(pale, wide);
    }""")
    seen = {(one.width, one.scheme, one.what.partition(":")[0]) for one in look(window, "planted")}
    assert {(1280, "light", "image-alt"), (1280, "dark", "color-contrast")} <= seen
    assert (1280, "light", "color-contrast") not in seen
    assert any(width == 390 and what.endswith("are seen") for width, _, what in seen)
