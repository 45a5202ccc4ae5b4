"""One reader's belongings of every kind, and every route addressed at them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule

from models.imaging.drawn import draw_smear
from portal.extensions import db
from portal.services.slides.recognise import HEAD_BYTES
from portal.storage.tables.accounts import ApiToken, UserSession
from portal.storage.tables.readings import Prediction
from tests.conftest import PASSWORD
from tests.support import pictures
from tests.support.client import Client
from tests.support.dropped_in import drop_in, meant_rainbow
from tests.support.slides import keep_slide, painted, slide, work
from tests.web.test_cases import open_case
from tests.web.test_images import only, upload

SEEN = re.compile(r'name="seen"[^>]* value="([0-9a-f]{64})"')
STATIC = ("static", "bootstrap.static")
OWNED = {"case_id", "image_id", "prediction_id", "job_id", "delivery_id", "mark", "session_id", "token_id",
         "deletion_id"}
"""Words in addresses that stand for something of one reader's own."""
ENDS_LOGINS = ("logout", "session_end", "sessions_end", "sessions_end_others", "password_change", "user_disable",
               "user_reset", "user_reset_second_factor", "role_change", "second_factor.set_up", "second_factor.remove")
"""How endpoints end after which the one who walks, or the one who is walked for, would walk as nobody."""
PLAUSIBLE = {
    "patient": "P-0204", "specimen": "blood", "note": "n", "model": "rainbow", "verdict": "agree", "reason": "seen so",
    "name": "a word", "reader": "1", "text": "mitosis", "shape": "box", "points": "[[1, 1], [90, 90]]",
    "corrections": "[]", "comment": "", "serial": "7", "specimen_group": "a", "um_per_px": "0.5", "file": "a.svs",
    "folder": "new", "system": "rainbow", "pixel": "0.5", "form": "csv", "password": PASSWORD, "current": PASSWORD,
    "confirm": PASSWORD, "email": "reader@clinic.example", "key": "rainbow", "version": "1", "base": "1",
    "role": "admin",
}
"""What forms would accept, so that nothing but ownership stands in the way."""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One address with one method."""

    endpoint: str
    method: str
    address: str


@dataclass(frozen=True, kw_only=True)
class Estate:
    """What stands for each word of an address: of some words there are several things."""

    values: dict[str, tuple[Any, ...]]

    def visits(self, app: Flask, *, owned: bool) -> Iterator[Visit]:
        """Every route with every thing that it may be addressed at; `owned`: only those of somebody's own."""
        for rule in app.url_map.iter_rules():
            if rule.endpoint in STATIC or (owned and not rule.arguments & OWNED):
                continue
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                for address in self._addresses(rule):
                    yield Visit(endpoint=rule.endpoint, method=method, address=address)

    def _addresses(self, rule: Rule) -> Iterator[str]:
        words = sorted(rule.arguments)
        for chosen in itertools.product(*(self.values[word] for word in words)):
            built = rule.build(dict(zip(words, chosen, strict=True)))
            assert built is not None, rule
            yield built[1]


def furnish(app: Flask, owner: Client, folder: Path) -> Estate:
    """Everything that a reader can have, made by the pages that make it; `owner` is user 1 and logged in."""
    drop_in(app, folder / "dropped-in", meant_rainbow(folder))
    case_id = open_case(owner)
    small = only(upload(owner, case_id, ("colours.png", pictures.encode(draw_smear(3)[:200, :240])), model="rainbow"))
    slide_id = keep_slide(app, case_id, painted(1300, 700))
    owner.post(f"/images/{slide_id}/read", {"model": "rainbow"})
    work(app)
    drawn = {"shape": "box", "points": [[1, 1], [90, 90]], "text": ""}
    mark = owner.post_json(f"/images/{slide_id}/annotations", drawn)
    owner.post("/account/tokens", {"name": "a script"})
    review = {"verdict": "agree", "reason": ""}
    assert owner.post(f"{small['url']}/review", review).status_code == 303
    found = SEEN.search(owner.get(f"/cases/{case_id}").text)
    assert found
    signed = owner.post(f"/cases/{case_id}/sign", {"seen": found[1], "password": PASSWORD, "although_waiting": "y"})
    assert signed.status_code == 303, signed.text
    owner.post(f"/cases/{case_id}/report")
    work(app)
    begun = {"name": "a.svs", "size": 600_000, "model": "", "um_per_px": ""}
    sent = owner.post_bytes(f"/cases/{case_id}/deliveries?{urlencode(begun)}", slide()[:HEAD_BYTES]).get_json()
    with app.app_context():
        rows = db.session.scalars(select(Prediction)).all()
        images = sorted({row.image_id for row in rows})
        predictions = tuple(row.id for row in rows)
        session_id, token_id = db.session.scalar(select(UserSession.id)), db.session.scalar(select(ApiToken.id))
    jobs = tuple(range(1, 3))
    proposed = owner.post(f"/cases/{open_case(owner)}/deletion", {"reason": "opened twice"})
    return Estate(values={
        "case_id": (case_id,), "image_id": tuple(images), "prediction_id": predictions, "job_id": jobs,
        "delivery_id": (sent["delivery"],), "mark": (mark.get_json()["mark"],), "session_id": (session_id,),
        "token_id": (token_id,), "deletion_id": (int(proposed.location.rpartition("/")[2]),), "notice_id": (1,),
        "user_id": (1,), "number": (1,), "level": (0,), "column": (0,), "row": (0,),
        "name": ("heatmap",), "key": ("rainbow",), "version": ("1",)})
