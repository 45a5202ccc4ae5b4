"""The request, read so that nonsense in it is nobody's failure."""

from __future__ import annotations

from flask import Flask, Request
from werkzeug.datastructures import Authorization


class Asked(Request):
    """Werkzeug raises where `Authorization: Basic` is followed by what is no ASCII."""

    @property
    def authorization(self) -> Authorization | None:
        try:
            return super().authorization
        except ValueError:
            return None


def init_app(app: Flask) -> None:
    app.request_class = Asked
