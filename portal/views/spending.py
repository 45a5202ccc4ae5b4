"""What is limited by account and hour, counted where it is asked for, and the answer to whoever asked for too much."""

from __future__ import annotations

from typing import Any

from flask import Flask, g
from flask_login import current_user

from portal.services import allowances
from portal.services.errors import AllowanceSpent
from portal.services.metrics import requests
from portal.storage.tables.columns import now
from portal.views.api import problems
from portal.views.errors import answer_with
from portal.views.slowed import in_words
from portal.views.wiring import settings

TITLE = "Too much for one hour"


def init_app(app: Flask) -> None:
    app.register_error_handler(AllowanceSpent, answer_spent)


def take_upload(files: int = 1) -> None:
    """Raises AllowanceSpent, which is answered below."""
    allowances.take(allowances.of_uploads(settings()), current_user.id, files, now())


def take_export() -> None:
    """Raises AllowanceSpent, which is answered below."""
    allowances.take(allowances.of_exports(settings()), current_user.id, 1, now())


def answer_spent(problem: AllowanceSpent) -> Any:
    """The same sentence on a page, for a page's script and for a program, and in the header how long to wait, where
    that helps.
    """
    g.spent = problem.what
    requests.count_spent(problem.what)
    way_out = f"Wait {in_words(problem.seconds)}" if problem.seconds else "Send fewer at a time"
    advice = f"{problem} {way_out}; your administrator can change the limit."
    headers = {"Retry-After": str(problem.seconds)} if problem.seconds else {}
    if problems.is_asked():
        return problems.tell(429, advice, headers)
    return *answer_with(429, TITLE, advice), headers
