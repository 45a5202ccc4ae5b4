"""A program that asks the API: a token and no cookie."""

from __future__ import annotations

import io
from typing import Any

from flask import Flask
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from portal.extensions import db
from portal.services import api_tokens
from portal.services.audit import Actor
from portal.storage.tables.columns import now
from portal.storage.tables.readings import Prediction
from tests.support.served import add_user

ROOT = "/api/v1"
READER = "reader@clinic.example"


def make_token(app: Flask, user_id: int, name: str = "a script") -> str:
    with app.app_context():
        return api_tokens.make_token(Actor(user_id=user_id), user_id, name, now())


def reader_of(app: Flask) -> Program:
    """The program of a reader who is new here."""
    return Program(app, make_token(app, add_user(app)))


class Program:
    """Wraps Flask's test client; addresses are those below the API's root."""

    def __init__(self, app: Flask, token: str | None) -> None:
        self.headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        self._client = app.test_client(use_cookies=False)

    def ask(self, method: str, path: str, **kwargs: Any) -> TestResponse:
        headers = {**self.headers, **kwargs.pop("headers", {})}
        return self._client.open(ROOT + path, method=method, headers=headers, buffered=True, **kwargs)

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.ask("GET", path, query_string=query)

    def post(self, path: str, body: Any) -> TestResponse:
        return self.ask("POST", path, json=body)

    def upload(self, case_id: int, *files: tuple[str, bytes], **fields: str) -> TestResponse:
        sent = [FileStorage(io.BytesIO(data), filename=name) for name, data in files]
        # Werkzeug's own client leaves the temporary file of a large body open.
        boundary, body = encode_multipart({"model": "leukemia", **fields, "images": sent})
        return self.ask("POST", f"/cases/{case_id}/images", data=body,
                        content_type=f'multipart/form-data; boundary="{boundary}"')


def new_case(program: Program, **changes: Any) -> int:
    answer = program.post("/cases", {"patient": "P-0117", "specimen": "blood", **changes})
    assert answer.status_code == 201
    return int(answer.get_json()["id"])


def problem(answer: TestResponse, status: int) -> dict[str, Any]:
    """A failure as RFC 9457 wants it."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    told: dict[str, Any] = answer.get_json()
    assert told["status"] == status
    assert told["request_id"] != "-"
    assert {"type", "title", "detail"} <= told.keys()
    return told


def listed(program: Program, **query: Any) -> list[int]:
    answer = program.get("/predictions", **query)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.get_json()["predictions"]]


def said_by(app: Flask, prediction_id: int) -> Prediction:
    with app.app_context():
        return db.session.get_one(Prediction, prediction_id)
