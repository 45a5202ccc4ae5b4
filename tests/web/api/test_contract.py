"""The API keeps what its document says, whatever is sent to it: Schemathesis writes the requests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from schemathesis.engine import Status, events, from_schema

from portal.app import create_app
from portal.extensions import db
from portal.services import login_guard
from portal.services.audit import Actor
from portal.services.jobs import queue
from portal.storage.tables.accounts import User
from tests.conftest import make_settings
from tests.support import databases, pictures
from tests.support.programs import Program, make_token

CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
          "response_headers_conformance", "negative_data_rejection", "positive_data_acceptance", "unsupported_method",
          "allow_header_conformance")
"""Not ignored_auth, which fails with a WSGI application (4.32.5): `test_routes` asks every route without a token."""
RULED_ELSEWHERE = ("POST /api/v1/cases/{case_id}/images", "POST /api/v1/predictions/{prediction_id}/reviews",
                   "GET /api/v1/cases", "GET /api/v1/predictions", "GET /api/v1/export.jsonl")
"""What they accept depends on the model, or on the order of two days: no schema can say it."""
THERE = {"path.case_id": 1, "path.image_id": 1, "path.prediction_id": 1, "path.name": "heatmap",
         "path.key": "leukemia", "path.job_id": 1}


@pytest.fixture
def portal(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Flask, str]:
    """A portal with a reader, a case, a scored image and a job, all of id 1, and the reader's token. Wrong tokens are
    sent too often to be slowed.
    """
    monkeypatch.setattr(login_guard, "TOKEN", login_guard.Rule(free=10**6, longest=login_guard.TOKEN.longest))
    app = create_app(make_settings(tmp_path, databases.copy_sqlite(sqlite_template, tmp_path / "test.sqlite3")))
    app.config["PROPAGATE_EXCEPTIONS"] = False
    with app.app_context():
        db.session.add(User(email="reader@clinic.example", name="Reader", role="clinician", status="approved",
                            password_hash="-"))
        db.session.commit()
        queue.submit(app.extensions["carrier"], Actor(user_id=1), queue.Order(kind="made", title="A job", params={}))
    token = make_token(app, 1)
    program = Program(app, token)
    assert program.post("/cases", {"patient": "P-1", "specimen": "blood"}).status_code == 201
    assert program.upload(1, ("smear.png", pictures.smear())).status_code == 201
    return app, token


def buffered(app: Flask) -> Callable[[dict[str, Any], Any], list[bytes]]:
    """The same portal; answers are read to their end and closed, which Schemathesis forgets."""

    def answer(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        parts = app(environ, start_response)
        try:
            return list(parts)
        finally:
            getattr(parts, "close", bool)()

    return answer


def failures(app: Flask, token: str, parameters: dict[str, Any], examples: int) -> tuple[int, list[str]]:
    """How many requests were answered, and what was wrong with the answers."""
    config = schemathesis.Config.from_dict({
        "seed": 20261121, "cache": {"enabled": False},
        "headers": {"Authorization": f"Bearer {token}"}, "parameters": parameters,
        "generation": {"max-examples": examples, "deterministic": True, "no-shrink": True},
        "checks": {"enabled": False, **{name: {"enabled": True} for name in CHECKS}},
        "operations": [{"include-name": name, "checks": {"positive_data_acceptance": {"enabled": False}}}
                       for name in RULED_ELSEWHERE]})
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", buffered(app), config=config)
    asked, wrong = 0, []
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            wrong.append(str(event))
        if isinstance(event, events.ScenarioFinished):
            asked += len(event.recorder.interactions)
            wrong += [f"{event.recorder.label}: {one.failure_info.failure.title}: {one.failure_info.failure.message} "
                      f"{one.failure_info.code_sample}"
                      for checks in event.recorder.checks.values() for one in checks if one.status == Status.FAILURE]
    return asked, wrong


@pytest.mark.parametrize(("parameters", "examples"), [({}, 10), (THERE, 10)], ids=["anything", "what is there"])
def test_every_answer_is_as_documented(portal: tuple[Flask, str], parameters: dict[str, Any], examples: int) -> None:
    asked, wrong = failures(*portal, parameters, examples)
    assert wrong == []
    assert asked > 200
