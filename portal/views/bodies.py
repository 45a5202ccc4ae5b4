"""How much a request may carry: forms are small, and only a reader who is logged in sends images."""

from __future__ import annotations

from flask import Flask, current_app, request
from flask_login import current_user

FORM_BYTES = 256 * 1024
UPLOAD = "images.image_upload"
PIECE = "deliveries.delivery_piece"


def init_app(app: Flask) -> None:
    """Set the limit before anything looks at the body; to be wired before the token is looked for in it."""

    @app.before_request
    def limit_body() -> None:
        if request.endpoint not in (UPLOAD, PIECE) or not current_user.is_authenticated:
            request.max_content_length = FORM_BYTES


def allow(most: int) -> None:
    """For a view that takes a body of its own kind, before it looks at it."""
    request.max_content_length = most


def allow_images() -> None:
    """For a view that found out itself who is asking, before it looks at the body."""
    request.max_content_length = current_app.config["MAX_CONTENT_LENGTH"]
