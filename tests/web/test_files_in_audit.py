"""A file may be called as a patient is: the audit knows it by kind, size and sum, and never by its name."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select, update

from portal.extensions import db
from portal.services.slides import watch
from portal.storage.incoming import Incoming
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.cases import Delivery
from portal.storage.tables.columns import now
from tests.support.client import Client
from tests.support.slides import slide
from tests.web.test_cases import open_case
from tests.web.test_deliveries import begin
from tests.web.test_images import upload

NAME = "Zebra_Anna_19510307"


def events(app: Flask) -> list[tuple[str, dict[str, Any]]]:
    with app.app_context():
        return [(one.action, one.details) for one in db.session.scalars(select(AuditEvent).order_by(AuditEvent.id))]


def test_no_name_of_a_file_stands_in_the_audit(app: Flask, login: Callable[..., Client]) -> None:
    reader = login()
    case_id, bad, whole = open_case(reader), b"no image " + os.urandom(8), slide()
    upload(reader, case_id, (f"{NAME}.png", bad))
    upload(reader, case_id, (f"scan.{NAME}", bad))
    first, second = (begin(reader, case_id, whole, name=f"{NAME}{number}.svs").get_json()["delivery"]
                     for number in (1, 2))
    reader.post(f"/deliveries/{first}/drop")
    with app.app_context():
        db.session.execute(update(Delivery).values(seen_at=now() - timedelta(days=60)))
        db.session.commit()
        watch.clear_away(Incoming(app.extensions["settings"].incoming))
    told = dict(events(app))
    found = [details for action, details in events(app) if action == "image.reject"]
    sum_of_it = hashlib.sha256(bad).hexdigest()[:16]
    assert [(one["kind"], one["size"], one["sha256"]) for one in found] == [
        ("png", len(bad), sum_of_it), ("other", len(bad), sum_of_it)]
    assert told["delivery.begin"] == {"delivery": second, "kind": "svs", "size": len(whole)}
    assert told["delivery.forget"]["delivery"] == second
    assert "Zebra" not in json.dumps(events(app))
