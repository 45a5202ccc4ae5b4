"""Where a reader stands in the worklist, as addresses carry it.

On the list `after=w12` or `before=r7` says from which item on: one that waits, or one that is reviewed. On the page of
an item `list` is the query of the list that it was opened from and `place` which half it stood in there: the links
to its neighbours, the review form and the page after saving all keep them, so that a reading does not lose its reader
in the list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import Flask, has_request_context, request, url_for
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from portal.forms.worklist import WorklistFilterForm
from portal.services import worklist
from portal.services.worklist import Cursor, Neighbours
from portal.storage.worklist import Place, WorkFilter
from portal.views import wiring
from portal.views.ids import LARGEST

CARRYING = ("predictions.prediction_view", "predictions.review_form", "predictions.review_create",
            "predictions.draft_discard")
CURSOR = re.compile(r"([wr])([1-9][0-9]{0,9})", re.ASCII)
HALVES = {"waiting": False, "reviewed": True}
LONGEST = 1000
"""Characters of a list's query that a link carries."""


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What a result page shows of the list that it was opened from: the way back, and the neighbours' addresses."""

    back: str
    neighbours: Neighbours
    before: str
    after: str


def init_app(app: Flask) -> None:
    app.url_defaults(_carry)
    app.context_processor(lambda: {"beside": beside})


def read_filter(args: MultiDict[str, str], *, whole: bool) -> tuple[WorklistFilterForm, WorkFilter]:
    """The form, and what its valid fields ask for; `whole` offers every reader, as a form that is shown must."""
    form = WorklistFilterForm(args)
    readers = worklist.list_fellow_readers(current_user.id) if whole or args.get("reader") else []
    form.offer(((spec.key, spec.title) for spec in wiring.engine().specs()),
               ((str(reader_id), name) for reader_id, name in readers))
    form.validate()
    said = {one.short_name: one.data for one in form if one.data and not one.errors}
    return form, WorkFilter(
        text=said.get("q", ""), model=said.get("model", ""), outcome=said.get("outcome", ""),
        reader=int(said["reader"]) if "reader" in said else None, since=said.get("since"), until=said.get("until"),
        reviewed={"yes": True, "no": False}.get(said.get("reviewed", "")))


def kept(form: WorklistFilterForm) -> dict[str, str]:
    """The fields that hold something valid, as an address writes them."""
    return {one.short_name: str(one.data) for one in form if one.data and not one.errors}


def read_cursor(args: Mapping[str, str]) -> Cursor | None:
    """Where to read on; None where the address says nothing, or nothing that makes sense."""
    for name in ("after", "before"):
        found = CURSOR.fullmatch(args.get(name, ""))
        if found and int(found[2]) <= LARGEST:
            place = Place(reviewed=found[1] == "r", prediction_id=int(found[2]))
            return Cursor(place=place, backwards=name == "before")
    return None


def cursor_word(place: Place) -> str:
    return f"{'r' if place.reviewed else 'w'}{place.prediction_id}"


def list_query(form: WorklistFilterForm, cursor: Cursor | None) -> str:
    """The list's own address without its path."""
    on = {"before" if cursor.backwards else "after": cursor_word(cursor.place)} if cursor else {}
    return urlencode({**kept(form), **on})


def item_address(place: Place, query: str) -> str:
    """A result page that knows its list."""
    half = next(word for word, reviewed in HALVES.items() if reviewed == place.reviewed)
    return url_for("predictions.prediction_view", prediction_id=place.prediction_id, list=query, place=half)


def beside(prediction_id: int) -> Beside | None:
    """What stands beside a result in the list that this page's address names; None where it names none."""
    asked = _asked_list()
    if asked is None or not current_user.is_authenticated:
        return None
    form, wanted = read_filter(asked, whole=False)
    found = worklist.find_neighbours(current_user.id, prediction_id, wanted,
                                     HALVES.get(request.args.get("place", "")))
    if found is None:
        return None
    query = list_query(form, read_cursor(asked))
    before, after = (item_address(one.place, query) if one else "" for one in (found.before, found.after))
    return Beside(back=f"{url_for('home.index')}?{query}".rstrip("?"), neighbours=found, before=before, after=after)


def _asked_list() -> MultiDict[str, str] | None:
    query = request.args.get("list")
    if query is None or len(query) > LONGEST:
        return None
    return MultiDict(parse_qsl(query))


def _carry(endpoint: str, values: dict[str, Any]) -> None:
    """Links from a result page to itself, its review form and back keep `list` and `place`."""
    if endpoint not in CARRYING or not has_request_context() or request.endpoint not in CARRYING:
        return
    if values.get("prediction_id") == (request.view_args or {}).get("prediction_id"):
        for name in ("list", "place"):
            if name in request.args:
                values.setdefault(name, request.args[name][:LONGEST])
