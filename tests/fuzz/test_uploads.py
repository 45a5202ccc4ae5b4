"""Damaged files through the whole portal: no failure of ours, nothing scored that cannot be decoded, nothing left."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from models.imaging.decode import decode
from models.imaging.errors import Unreadable
from models.imaging.limits import OUR_OWN
from portal.extensions import db
from portal.services.slides import watch
from portal.services.slides.recognise import HEAD_BYTES
from portal.storage.incoming import Incoming
from portal.storage.tables.cases import Image
from portal.storage.tables.jobs import Job
from tests.fuzz.conftest import Fail
from tests.support import mutants
from tests.support.client import Client
from tests.support.programs import Program, make_token, new_case
from tests.support.slides import work
from tests.web.test_deliveries import begin, send_rest

UPLOADS, DELIVERIES = (450, 50) if mutants.NIGHTLY else (45, 5)
READABLE = (200, 201, 202)
REFUSED = (409, 413, 415, 422)

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this process puts temporary files meanwhile."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def kept_files(app: Flask) -> tuple[set[str], set[str]]:
    """Names that rows have, and names of files."""
    with app.app_context():
        named = set(db.session.scalars(select(Image.stored_as)))
    return named, {path.name for path in app.extensions["settings"].files.rglob("*") if path.is_file()}


def test_damaged_uploads_cost_a_refusal_each(app: Flask, make_user: Callable[..., int], temporary: Path, offence: Fail,
                                             picture_seeds: dict[str, bytes]) -> None:
    program = Program(app, make_token(app, make_user()))
    case, outcomes = new_case(program), Counter[str]()
    for number in range(UPLOADS):
        name, _, data = mutants.mutant(number, picture_seeds, "uploads")
        answer = program.upload(case, (f"sent-{number}.png", data))
        verdict = answer.get_json()["files"][0]
        outcomes[verdict["code"] or verdict["outcome"]] += 1
        if answer.status_code not in (READABLE if verdict["outcome"] != "error" else REFUSED):
            offence(number, name, data, f"answered {answer.status_code}: {verdict}")
        if verdict["outcome"] in ("scored", "refused"):
            try:
                decode(data, OUR_OWN)
            except Unreadable as problem:
                offence(number, name, data, f"{verdict['outcome']}, though {problem}")
    print(f"{UPLOADS} uploads: {dict(outcomes)}")
    named, there = kept_files(app)
    assert there == {Path(name).name for name in named}
    assert not [*temporary.rglob("*")]
    assert outcomes["scored"] + outcomes["refused"] > 0


@pytest.mark.slow
def test_damaged_deliveries_end_as_a_slide_or_in_a_sentence(
        app: Flask, login: Callable[..., Client], temporary: Path, offence: Fail, slide_seeds: dict[str, bytes],
        monkeypatch: pytest.MonkeyPatch) -> None:
    client = login()
    case = int(client.post("/cases/new", {"patient": "P-1", "specimen": "lymph node"}).location.rsplit("/", 1)[1])
    sent: dict[int, tuple[int, str, bytes]] = {}
    for number in range(DELIVERIES):
        name, _, data = mutants.mutant(number, slide_seeds, "deliveries")
        answer = begin(client, case, data, name=f"{number}-{name}")
        if answer.status_code not in (200, 201, *REFUSED):
            offence(number, name, data, f"answered {answer.status_code}")
        if answer.status_code in (200, 201):
            known = answer.get_json()
            known = send_rest(client, data, known) if len(data) > HEAD_BYTES else known
            sent[known["job"]] = (number, name, data)
        work(app)
    with app.app_context():
        for job in db.session.scalars(select(Job)):
            if job.state not in ("done", "failed") or "not foreseen" in (job.reason or ""):
                offence(*sent[job.id], f"the job is {job.state}: {job.reason}")
    assert len(sent) >= DELIVERIES / 2
    named, there = kept_files(app)
    assert there == {Path(name).name for name in named}
    incoming = app.extensions["settings"].incoming
    monkeypatch.setattr(watch, "GRACE", timedelta(seconds=-60))
    with app.app_context():
        watch.clear_away(Incoming(incoming))
    assert not [path for path in incoming.rglob("*") if path.name != "lock"]
    assert not [*temporary.rglob("*")]
