"""Puts the API together: every module of views, and the document that is written from them."""

from __future__ import annotations

from flask import Flask

from portal.services.system import VERSION
from portal.views.api import cases, exports, images, jobs, models, predictions, reviews
from portal.views.api.document import NAME, Document, bp

VIEWS = (cases, exports, images, jobs, models, predictions, reviews)
"""Each hangs its routes on the one blueprint."""


def init_app(app: Flask) -> None:
    """Register the routes and write the document."""
    api = Document(app, spec_kwargs={
        "title": "SecondRead", "version": VERSION, "openapi_version": "3.1.0",
        "info": {"description": "Research use only, not a diagnosis."},
        "security": [{"token": []}]})
    api.spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    api.register_blueprint(bp)
    app.extensions[NAME] = api
