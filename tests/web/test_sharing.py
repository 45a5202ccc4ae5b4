"""Several readers of one case: shared by its owner, ended, left, and nobody else's all the while."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.services import accounts, sharing
from portal.services.audit import Actor
from portal.services.errors import NotShared
from portal.storage.tables.accounts import User
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.cases import Case, CaseReader
from portal.storage.tables.columns import now
from portal.storage.tables.readings import Review, WorkItem
from tests.support import pictures
from tests.support.client import Client
from tests.web.test_cases import open_case
from tests.web.test_images import only, upload


@pytest.fixture
def owner(login: Callable[..., Client]) -> Client:
    return login("owner@clinic.example")


@pytest.fixture
def colleague(login: Callable[..., Client]) -> Client:
    return login("colleague@clinic.example")


@pytest.fixture
def case_id(owner: Client) -> int:
    return open_case(owner)


@pytest.fixture
def prediction(owner: Client, case_id: int) -> int:
    return int(only(upload(owner, case_id, ("one.png", pictures.smear())))["prediction"])


def id_of(app: Flask, email: str) -> int:
    with app.app_context():
        return db.session.scalars(select(User.id).where(User.email == email)).one()


def share(client: Client, case_id: int, user_id: int) -> int:
    return client.post(f"/cases/{case_id}/readers", {"reader": str(user_id)}).status_code


def end(client: Client, case_id: int, user_id: int) -> int:
    return client.post(f"/cases/{case_id}/readers/{user_id}/end").status_code


def actions(app: Flask) -> list[tuple[str, str, str | None]]:
    with app.app_context():
        events = db.session.scalars(select(AuditEvent).where(AuditEvent.action.startswith("case."))
                                    .order_by(AuditEvent.id))
        return [(one.action, one.subject, one.details.get("reader")) for one in events]


def test_a_shared_case_is_on_the_colleagues_worklist_and_open_to_their_reading(
        app: Flask, owner: Client, colleague: Client, case_id: int, prediction: int) -> None:
    them = id_of(app, "colleague@clinic.example")
    assert colleague.get(f"/predictions/{prediction}").status_code == 404
    assert share(owner, case_id, them) == 303
    assert f"/predictions/{prediction}" in colleague.get("/").text
    assert colleague.get(f"/predictions/{prediction}/heatmap.png").status_code == 200
    later = only(upload(owner, case_id, ("two.png", pictures.smear(2))))["prediction"]
    assert f"/predictions/{later}" in colleague.get("/").text
    assert colleague.post(f"/predictions/{prediction}/review", {"verdict": "agree"}).status_code == 303
    page = owner.get(f"/predictions/{prediction}").text
    assert "<strong>Colleague</strong> agrees" in page
    readers = owner.get(f"/cases/{case_id}").text.partition('id="readers"')[2]
    assert "Colleague" in readers
    assert "Shared by Owner" in readers
    changes = [one for one in actions(app) if one[0] != "case.view"]
    assert changes[-1] == ("case.share", f"case:{case_id}", f"user:{them}")


def test_an_ended_share_closes_the_case_and_leaves_the_readings(
        app: Flask, owner: Client, colleague: Client, case_id: int, prediction: int) -> None:
    them = id_of(app, "colleague@clinic.example")
    share(owner, case_id, them)
    colleague.post(f"/predictions/{prediction}/review", {"verdict": "agree"})
    assert end(owner, case_id, them) == 303
    for page in (f"/cases/{case_id}", f"/predictions/{prediction}", f"/predictions/{prediction}/heatmap.png"):
        assert colleague.get(page).status_code == 404, page
    assert "P-0117" not in colleague.get("/").text
    assert "<strong>Colleague</strong> agrees" in owner.get(f"/predictions/{prediction}").text
    with app.app_context():
        assert db.session.scalars(select(WorkItem.user_id)).all() == [id_of(app, "owner@clinic.example")]
        assert db.session.query(Review).count() == 1
    share(owner, case_id, them)
    with app.app_context():
        assert db.session.get_one(WorkItem, (them, prediction)).reviewed
    assert [action for action, *_ in actions(app)] == ["case.create", "case.share", "case.unshare", "case.share"]


def test_a_reader_leaves_and_the_owner_cannot(
        app: Flask, owner: Client, colleague: Client, case_id: int) -> None:
    us, them = id_of(app, "owner@clinic.example"), id_of(app, "colleague@clinic.example")
    share(owner, case_id, them)
    assert "Leave this case" in colleague.get(f"/cases/{case_id}").text
    assert "Leave this case" not in owner.get(f"/cases/{case_id}").text
    assert end(colleague, case_id, them) == 303
    assert colleague.get(f"/cases/{case_id}").status_code == 404
    assert actions(app)[-1] == ("case.leave", f"case:{case_id}", f"user:{them}")
    end(owner, case_id, us)
    assert "The owner stays" in owner.get(f"/cases/{case_id}").text
    assert end(owner, case_id, them) == 404


def test_only_the_owner_shares_ends_and_changes_how_it_is_read(
        app: Flask, owner: Client, colleague: Client, case_id: int, login: Callable[..., Client]) -> None:
    login("third@clinic.example")
    us, them, third = (id_of(app, f"{name}@clinic.example") for name in ("owner", "colleague", "third"))
    for shared in (False, True):
        if shared:
            share(owner, case_id, them)
        assert share(colleague, case_id, third) == 404
        assert end(colleague, case_id, us) == 404
        for change in ("start", "end"):
            assert colleague.post(f"/cases/{case_id}/blind/{change}").status_code == 404
        assert colleague.get(f"/cases/{case_id}/blind/end").status_code == 404
    page = colleague.get(f"/cases/{case_id}").text
    assert "Third" not in page
    assert "Share the case" not in page
    assert "End the share" not in page
    with app.app_context():
        assert db.session.query(CaseReader).count() == 2
        assert not db.session.get_one(Case, case_id).blind


@pytest.mark.parametrize("status", ["waiting", "disabled"])
def test_an_account_that_cannot_log_in_is_not_offered_nor_taken(
        app: Flask, owner: Client, case_id: int, make_user: Callable[..., int], status: str) -> None:
    closed = make_user(email="closed@clinic.example", status=status)
    assert "Closed" not in owner.get(f"/cases/{case_id}").text
    assert share(owner, case_id, closed) == 400
    with app.app_context(), pytest.raises(NotShared):
        sharing.share_case(Actor(), db.session.get_one(Case, case_id), closed)


@pytest.mark.parametrize("sent", ["", "nobody", "987654", "-1", "1e3"])
def test_what_is_no_colleague_comes_back_with_a_sentence(owner: Client, case_id: int, sent: str) -> None:
    answer = owner.post(f"/cases/{case_id}/readers", {"reader": sent})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert owner.get(f"/cases/{case_id}/readers").status_code == 303


def test_addresses_are_shown_only_of_namesakes(
        app: Flask, owner: Client, case_id: int, make_user: Callable[..., int]) -> None:
    make_user(email="mona@one.example")
    assert "@one.example" not in owner.get(f"/cases/{case_id}").text
    twin = make_user(email="mona@two.example")
    make_user(email="unique@clinic.example")
    page = owner.get(f"/cases/{case_id}").text
    assert "Mona (mona@one.example)" in page
    assert "Mona (mona@two.example)" in page
    assert "unique@clinic.example" not in page
    share(owner, case_id, twin)
    assert "mona@two.example" in owner.get(f"/cases/{case_id}").text


def test_a_disabled_reader_is_marked_and_keeps_nobody_from_ending_the_share(
        app: Flask, owner: Client, colleague: Client, case_id: int) -> None:
    them = id_of(app, "colleague@clinic.example")
    share(owner, case_id, them)
    with app.app_context():
        accounts.disable_user(Actor(), them, now())
    assert "Account disabled" in owner.get(f"/cases/{case_id}").text
    assert end(owner, case_id, them) == 303


def test_the_button_pressed_twice_at_once_shares_once(
        app: Flask, owner: Client, case_id: int, prediction: int, make_user: Callable[..., int]) -> None:
    them = make_user(email="colleague@clinic.example")
    together = Barrier(2)

    def press(_: int) -> bool:
        with app.app_context():
            case = db.session.get_one(Case, case_id)
            together.wait()
            try:
                sharing.share_case(Actor(), case, them)
            except NotShared:
                return False
            return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(press, range(2))) == [False, True]
    with app.app_context():
        assert db.session.query(WorkItem).filter_by(user_id=them).count() == 1


def test_a_new_reader_of_a_blind_case_learns_nothing_from_what_the_owner_read(
        app: Flask, owner: Client, colleague: Client, case_id: int, prediction: int) -> None:
    owner.post(f"/cases/{case_id}/blind/start")
    owner.post(f"/predictions/{prediction}/review", {"verdict": "override", "label": "Pro", "reason": "clumped"})
    share(owner, case_id, id_of(app, "colleague@clinic.example"))
    for page in ("/", "/cases", f"/cases/{case_id}", f"/predictions/{prediction}"):
        shown = re.sub(r"(?s)<form method=\"post\" action=\"/predictions/.*?</form>", "", colleague.get(page).text)
        assert "Pro<" not in shown, page
        assert "clumped" not in shown, page


def test_lists_say_whose_case_it_is_to_everybody_else(app: Flask, login: Callable[..., Client]) -> None:
    owner, colleague = login("owner@clinic.example"), login("colleague@clinic.example")
    case_id = open_case(owner)
    upload(owner, case_id, ("one.png", pictures.smear()))
    with app.app_context():
        user = db.session.query(User).filter_by(email="colleague@clinic.example").one()
        user_id = user.id
    owner.post(f"/cases/{case_id}/readers", {"reader": str(user_id)})
    for page in ("/", "/cases"):
        assert "hared by Owner" in colleague.get(page).text
        assert "hared by" not in owner.get(page).text
