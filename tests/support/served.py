"""A portal that is served by this process, so that a test can reach behind the page it drives."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.serving import make_server

from portal.app import create_app
from portal.extensions import db
from portal.services import passwords
from portal.storage.tables.accounts import User
from tests.conftest import PASSWORD, make_settings
from tests.support import authenticator

EMAIL = "reader@clinic.example"


@contextmanager
def serve(folder: Path, template: Path) -> Iterator[tuple[Flask, str]]:
    """The app on a copied database, and its address."""
    shutil.copy(template, folder / "test.sqlite3")
    app = create_app(make_settings(folder))
    answer = app.wsgi_app

    def whole(environ: Any, start_response: Any) -> list[bytes]:
        """Werkzeug's server leaves a file open when the browser goes away while it is sent."""
        with closing(answer(environ, start_response)) as parts:  # type: ignore[type-var]
            return [b"".join(parts)]

    app.wsgi_app = whole  # type: ignore[method-assign]
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield app, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        with app.app_context():
            db.engine.dispose()


def add_user(app: Flask, email: str = EMAIL, role: str = "clinician", status: str = "approved") -> int:
    """An account; returns its id."""
    with app.app_context():
        user = User(email=email, name=email.partition("@")[0].title(), role=role, status=status,
                    password_hash=passwords.hash_password(PASSWORD, 4))
        db.session.add(user)
        db.session.flush()
        if role == "admin":
            authenticator.give_factor(app, user)
        db.session.commit()
        return user.id
