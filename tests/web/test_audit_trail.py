"""The audit page: searched, walked, taken away; and what stands in the trail of views and refusals."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.extensions import db
from portal.services import audit, sightings
from portal.services.audit import Actor
from portal.services.chain import keeper
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.columns import now
from tests.support import pictures
from tests.support.client import Client
from tests.support.programs import Program, make_token
from tests.web.test_cases import open_case
from tests.web.test_images import only, upload

ADMIN = "admin@clinic.example"
ROW = '<td data-label="What"><code>'


@pytest.fixture
def admin(login: Callable[..., Client]) -> Client:
    return login(ADMIN, "admin")


def add_events(app: Flask, count: int, action: str = "case.create", **details: Any) -> None:
    with app.app_context():
        for number in range(count):
            audit.record(audit.Actor(user_id=1, address="192.0.2.1"), action, f"case:{number}", **details)
        db.session.commit()


def events(app: Flask, *actions: str) -> list[tuple[str, str, dict[str, Any]]]:
    with app.app_context():
        rows = db.session.scalars(select(AuditEvent).where(AuditEvent.action.in_(actions)).order_by(AuditEvent.id))
        return [(one.action, one.subject, one.details) for one in rows]


def moved(app: Flask, monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """Time passes for whoever asks the views' clock and the trail's."""
    later = now() + by
    for module in ("portal.views.shown", "portal.views.refusals", "portal.services.audit"):
        monkeypatch.setattr(f"{module}.now", lambda: later)


@pytest.mark.parametrize(("query", "found"), [
    ({"q": "LOGIN.suc"}, 1), ({"q": ADMIN}, 4), ({"q": "case:1"}, 1), ({"q": "nothing like it"}, 0), ({"q": "%"}, 0),
    ({"q": "_"}, 0), ({"q": "192.0.2"}, 3), ({}, 4), ({"person": "1"}, 4),
    ({"person": "1", "action": "case.create"}, 3), ({"action": "login.success"}, 1), ({"subject": "case:2"}, 1),
    ({"subject": "case"}, 0),
    ({"since": "2001-01-01"}, 4), ({"until": "2001-01-01"}, 0), ({"since": "their day", "until": "their day"}, 4),
    ({"since": "2026-01-02", "until": "2026-01-01", "action": "case.create"}, 3), ({"person": "99"}, 4)])
def test_the_trail_is_searched(query: dict[str, str], found: int, app: Flask, admin: Client) -> None:
    add_events(app, 3)
    with app.app_context():
        first, last = db.session.execute(select(func.min(AuditEvent.at), func.max(AuditEvent.at))).one()
    days = {"since": f"{first:%Y-%m-%d}", "until": f"{last:%Y-%m-%d}"}
    asked = {name: days[name] if value == "their day" else value for name, value in query.items()}
    assert admin.get("/admin/audit", query_string=asked).text.count(ROW) == found


def test_pages_follow_each_other_without_a_gap_whatever_is_added_meanwhile(app: Flask, admin: Client) -> None:
    add_events(app, 120)
    url, seen = "/admin/audit?action=case.create", list[str]()
    while url:
        page = admin.get(url).text
        seen += re.findall(r">(case:\d+)</a>", page)
        add_events(app, 2)
        found = re.search(r'rel="next" href="([^"]+)"', page)
        url = found.group(1).replace("&amp;", "&") if found else ""
    assert seen == [f"case:{number}" for number in reversed(range(120))]


@pytest.mark.parametrize("spot", ["0-1", "x", "99999999999999999999-1", "999999999999999999-1", "1-99999999999", "-1"])
def test_a_place_that_makes_no_sense_is_no_failure(spot: str, admin: Client) -> None:
    assert admin.get("/admin/audit", query_string={"before": spot}).status_code == 200


def test_a_rare_text_is_searched_stretch_by_stretch(
        app: Flask, admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.storage.audit_events.LOOKED_AT", 10)
    add_events(app, 1, "needle")
    add_events(app, 12)
    page = admin.get("/admin/audit?q=needle").text
    assert page.count(ROW) == 0
    assert "Searched back to" in page
    following = re.search(r'rel="next" href="([^"]+)"', page)
    assert following is not None
    assert admin.get(following.group(1).replace("&amp;", "&")).text.count(ROW) == 1


def test_an_export_runs_no_formula_and_holds_what_fits(app: Flask, admin: Client) -> None:
    add_events(app, 3, "case.note", name='=HYPERLINK("http://evil.example")')
    with app.app_context():
        audit.record_alone(Actor(address="=1+1"), "@evil", "+cmd")
    answer = admin.get("/admin/audit.csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert (rows[0]["action"], rows[0]["subject"], rows[0]["address"]) == ("'@evil", "'+cmd", "'=1+1")
    assert not [cell for one in rows for cell in one.values() if cell[:1] in tuple("=+-@\t\r")]
    lines = admin.get("/admin/audit.jsonl?action=case.note").data.decode().splitlines()
    assert [json.loads(one)["subject"] for one in lines] == ["case:2", "case:1", "case:0"]
    assert json.loads(lines[0])["details"] == {"name": '=HYPERLINK("http://evil.example")'}


def test_an_export_is_an_event_that_does_not_hold_what_was_typed(app: Flask, admin: Client) -> None:
    admin.get("/admin/audit.csv?q=Mrs+Miller&subject=case:1")
    (_, _, details), = events(app, "audit.export")
    assert details["filters"] == {"text": True, "subject": "case:1"}
    assert "Miller" not in json.dumps(details)


def test_a_large_export_is_read_in_pieces(app: Flask, admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.storage.audit_events.WALKED_AT_ONCE", 7)
    add_events(app, 30)
    lines = admin.get("/admin/audit.jsonl?action=case.create").data.decode().splitlines()
    assert [json.loads(one)["subject"] for one in lines] == [f"case:{number}" for number in reversed(range(30))]


def test_the_page_says_when_the_trail_was_verified_and_what_was_found(
        app: Flask, admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Nobody has verified" in admin.get("/admin/audit").text
    run = app.test_cli_runner()
    assert run.invoke(args=["audit", "verify"]).exit_code == 0
    assert "all in order" in admin.get("/admin/audit").text
    with app.app_context():
        db.session.add(AuditEvent(action="forged", address="", subject="", details={}))
        db.session.commit()
    assert run.invoke(args=["audit", "verify"]).exit_code == 1
    assert "interfered in 1 place" in admin.get("/admin/audit").text


def test_a_view_of_patient_data_is_written_down_once_in_a_quarter_of_an_hour(
        app: Flask, login: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    reader = login()
    case_id = open_case(reader)
    prediction = int(only(upload(reader, case_id, ("one.png", pictures.smear())))["prediction"])
    for _ in range(3):
        for url in ("/", "/cases", f"/cases/{case_id}", "/images/1/file", "/images/1/thumbnail",
                    f"/predictions/{prediction}", f"/predictions/{prediction}/heatmap.png",
                    f"/cases/{case_id}/report.pdf"):
            assert reader.get(url).status_code == 200
        app.extensions["sightings"] = sightings.Sightings()  # as in another process
    kinds = ("list.view", "case.view", "image.view", "thumbnail.view", "prediction.view", "report.view")
    once = [("list.view", "worklist", {}), ("list.view", "cases", {}), ("case.view", f"case:{case_id}", {}),
            ("image.view", "image:1", {"case": case_id}), ("thumbnail.view", f"case:{case_id}", {}),
            ("prediction.view", f"prediction:{prediction}", {"case": case_id}), ("report.view", f"case:{case_id}", {})]
    assert sorted(map(str, set(map(str, events(app, *kinds))))) == sorted(map(str, once))
    assert len(events(app, *kinds)) == len(once)
    moved(app, monkeypatch, timedelta(minutes=16))
    reader.get(f"/cases/{case_id}")
    assert len(events(app, "case.view")) == 2


@pytest.mark.parametrize(("url", "token", "seen"), [
    ("/cases/1/images", True, "P-0117"), ("/cases/1/images", False, "P-0117"), ("/cases/1/sign", True, "P-0117"),
    ("/cases/1/sign", False, "P-0117"), ("/cases/1/readers", True, "P-0117"),
    ("/cases/1/deletion", True, "Propose the deletion"),
    ("/predictions/1/review", True, "/predictions/1/"), ("/predictions/1/review", False, "/predictions/1/")])
def test_a_form_that_comes_back_shows_its_patient_and_is_a_view(
        app: Flask, login: Callable[..., Client], url: str, token: bool, seen: str) -> None:
    reader = login()
    assert upload(reader, open_case(reader), ("one.png", pictures.smear())).status_code == 201
    assert events(app, "case.view", "image.view", "prediction.view") == []
    answer = reader.post(url, {}) if token else reader.post_without_token(url)
    assert (answer.status_code, seen in answer.text) == (400, True)
    view = ("case.view", "case:1", {}) if "/cases/" in url else ("prediction.view", "prediction:1", {"case": 1})
    assert events(app, "case.view", "image.view", "prediction.view") == [view]


def test_what_a_program_sees_is_written_down_with_its_token(app: Flask, login: Callable[..., Client]) -> None:
    case_id = open_case(login())
    program = Program(app, make_token(app, 1))
    assert program.get(f"/cases/{case_id}").status_code == 200
    (_, subject, details), = [one for one in events(app, "case.view") if "token" in one[2]]
    assert (subject, details) == (f"case:{case_id}", {"token": 1, "token_name": "a script"})


def test_nothing_is_shown_that_cannot_be_written_down(
        app: Flask, login: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    reader = login()
    case_id = open_case(reader)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr("portal.services.audit.record", broken)
    answer = reader.get(f"/cases/{case_id}")
    assert answer.status_code == 500
    assert "P-0117" not in answer.text


def test_a_view_that_is_refused_is_no_view_but_a_refusal(app: Flask, login: Callable[..., Client]) -> None:
    case_id = open_case(login())
    other = login("other@clinic.example")
    assert other.get(f"/cases/{case_id}").status_code == 404
    assert other.get("/admin/users").status_code == 404
    assert other.post_without_token(f"/cases/{case_id}/sign").status_code == 400
    assert other.get("/cases/new").status_code == 200
    assert other.get("/nowhere").status_code == 404
    assert events(app, "case.view") == []
    assert events(app, "access.refuse", "form.refuse") == [
        ("access.refuse", f"case:{case_id}", {"status": 404, "page": "cases.case_view"}),
        ("access.refuse", "", {"status": 404, "page": "admin.user_list"}),
        ("form.refuse", f"case:{case_id}", {"status": 400, "page": "reports.sign"})]


def test_a_wrong_token_is_a_refusal(app: Flask) -> None:
    assert Program(app, "sr_guess").get("/cases").status_code == 401
    assert [one[2]["page"] for one in events(app, "token.refuse")] == ["api.case_list"]


def test_a_flood_of_refusals_fills_no_disk(app: Flask, login: Callable[..., Client],
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    reader = login()
    for number in range(40):
        reader.get(f"/cases/{1000 + number}")
    held = events(app, "access.refuse")
    assert len(held) == sightings.REFUSALS_OF_ONE
    assert "more" in held[-1][2]
    moved(app, monkeypatch, timedelta(hours=1, minutes=1))
    reader.get("/cases/2000")
    assert len(events(app, "access.refuse")) == sightings.REFUSALS_OF_ONE + 1


def test_refusals_from_everywhere_are_limited_too() -> None:
    seen, at = sightings.Sightings(), now()
    counts = [seen.count_refusal((), at) for _ in range(3)]
    assert counts == [1, 2, 3]
    assert seen.count_refusal((), at + timedelta(minutes=61)) == 1
    assert seen.count_refusal((), at - timedelta(days=1)) == 1


def test_the_trail_stays_in_order_through_all_of_it(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    case_id = open_case(reader)
    upload(reader, case_id, ("one.png", pictures.smear()))
    reader.get(f"/cases/{case_id}")
    with app.app_context():
        assert keeper.verify().findings == ()
