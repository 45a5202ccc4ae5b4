"""A portal with slides that are there already, on a database of its own."""

from __future__ import annotations

import os
import secrets
from datetime import timedelta
from pathlib import Path

from alembic import command
from flask import Flask

from config import Settings
from portal.app import create_app
from portal.extensions import db
from portal.services import audit
from portal.services.slides import reading
from portal.storage import access
from portal.storage.tables.accounts import User
from portal.storage.tables.cases import Case, Image

SECRET = "b" * 40


def open_portal(folder: Path, database_url: str = "", broker_url: str = "") -> Flask:
    """Migrated, with one reader who has one case."""
    app = create_app(_settings(folder, database_url or f"sqlite:///{folder / 'slides.sqlite3'}", broker_url))
    with app.app_context():
        config = app.extensions["migrate"].migrate.get_config(directory=str(Path(app.root_path) / "migrations"))
        command.upgrade(config, "head")
        user = User(email="reader@clinic.example", name="Reader", role="clinician", status="approved",
                    password_hash="none")  # noqa: S106 (nobody logs in)
        db.session.add(user)
        db.session.flush()
        case = Case(owner_id=user.id, patient="B-1", specimen="lymph node")
        db.session.add(case)
        db.session.flush()
        access.add_reader(case.id, user.id, user.id)
        db.session.commit()
    return app


def add_slide(app: Flask, kept: Path, side: int, um_per_px: float) -> int:
    """One more slide of the case, with the same file; returns its image. Needs an application context."""
    stored_as = f"{secrets.token_hex(16)}.tif"
    path = app.extensions["files"].local(stored_as)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.link(kept, path)
    image = Image(case_id=1, sha256=secrets.token_hex(32), name="mirrored.svs", kind="slide", format="made",
                  stored_as=stored_as, content_type="image/tiff", width=side, height=side, size=kept.stat().st_size,
                  um_per_px=um_per_px)
    db.session.add(image)
    db.session.commit()
    return image.id


def ask(app: Flask, image_id: int, model: str) -> int:
    """Have it read; returns the job. Needs an application context."""
    parts = app.extensions
    return reading.ask(parts["carrier"], audit.Actor(user_id=1), parts["engine"], image_id, model)


def _settings(folder: Path, database_url: str, broker_url: str) -> Settings:
    return Settings(
        instance=folder, database_url=database_url, secret_key=SECRET, host="127.0.0.1", port=8000,
        max_image_bytes=4_000_000, max_image_pixels=20_000_000, max_upload_files=200,
        session_idle=timedelta(hours=12), session_absolute=timedelta(hours=12), remember=timedelta(days=7),
        bcrypt_rounds=4, secure_cookies=False, trusted_proxies=0, inference_threads=1, broker_url=broker_url)
