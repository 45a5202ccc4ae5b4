"""Fixtures: a portal on each database, a client, accounts. The network is closed but for this machine."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from jinja2 import BytecodeCache, FileSystemBytecodeCache

from config import Settings
from portal.app import create_app
from portal.extensions import db
from portal.services import passwords
from portal.storage.tables.accounts import User
from tests.support import authenticator, databases
from tests.support.client import Client

collect_ignore_glob = [] if os.environ.get("PORTAL_NIGHTLY") else ["*_nightly.py"]
pytest_plugins = ["tests.support.no_skips", "tests.support.object_server"]
PASSWORD = "violet harbour lantern 42"

# A busy machine is no fault: what is checked is what comes out, not when.
hypothesis_settings.register_profile("secondread", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("secondread")


@pytest.fixture(autouse=True)
def closed_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches out of this machine fails at once."""
    connect = socket.socket.connect

    def only_here(this: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "localhost", "::1"):
            raise AssertionError(f"a test tried to reach {address[0]}")
        connect(this, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", only_here)


def make_settings(folder: Path, database_url: str = "", **changes: object) -> Settings:
    """Settings for a test: everything below `folder`, fast password hashing."""
    values: dict[str, object] = {
        "instance": folder, "database_url": database_url or f"sqlite:///{folder / 'test.sqlite3'}",
        "secret_key": "k" * 40, "host": "127.0.0.1", "port": 8000, "max_image_bytes": 4_000_000,
        "max_image_pixels": 20_000_000, "max_upload_files": 200, "session_idle": timedelta(minutes=15),
        "session_absolute": timedelta(hours=12), "remember": timedelta(days=7), "bcrypt_rounds": 4,
        "secure_cookies": False, "trusted_proxies": 0, "inference_threads": 1,
    }
    return Settings(**{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, copied for every test."""
    folder = tmp_path_factory.mktemp("template")
    app = create_app(make_settings(folder))
    databases.migrate(app)
    with app.app_context():
        db.engine.dispose()
    return folder / "test.sqlite3"


@pytest.fixture(scope="session")
def mysql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated MariaDB database, emptied for every test."""
    url = databases.create_mysql()
    app = create_app(make_settings(tmp_path_factory.mktemp("mysql"), url))
    databases.migrate(app)
    with app.app_context():
        db.engine.dispose()
    yield url
    databases.drop_mysql()


@pytest.fixture(params=["sqlite", "mysql"])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """A portal whose database has no table at all."""
    url = databases.create_mysql(databases.SCRATCH) if request.param == "mysql" else ""
    app = create_app(make_settings(tmp_path, url))
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    if url:
        databases.drop_mysql(databases.SCRATCH)


@pytest.fixture(params=["sqlite", "mysql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database; every test that touches one runs on both."""
    if request.param == "mysql":
        return str(request.getfixturevalue("mysql_url"))
    return databases.copy_sqlite(request.getfixturevalue("sqlite_template"), tmp_path / "test.sqlite3")


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return make_settings(tmp_path, database_url)


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> BytecodeCache:
    """Every test has an app of its own, and compiling its templates anew would be a third of the test's time."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def app(settings: Settings, compiled_templates: BytecodeCache) -> Iterator[Flask]:
    """A portal on an empty database."""
    app = create_app(settings)
    app.jinja_env.bytecode_cache = compiled_templates
    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = False
    if not settings.database_url.startswith("sqlite"):
        databases.empty_tables(app)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> Client:
    return Client(app)


@pytest.fixture
def make_user(app: Flask) -> Callable[..., int]:
    """Creates an account and returns its id; an administrator has a second factor."""

    def create(email: str = "reader@clinic.example", role: str = "clinician", status: str = "approved",
               password: str = PASSWORD) -> int:
        with app.app_context():
            user = User(email=email, name=email.partition("@")[0].title(), role=role, status=status,
                        password_hash=passwords.hash_password(password, 4))
            db.session.add(user)
            db.session.flush()
            if role == "admin":
                authenticator.give_factor(app, user)
            db.session.commit()
            return user.id

    return create


@pytest.fixture
def login(app: Flask, make_user: Callable[..., int]) -> Callable[..., Client]:
    """Creates an account and returns a client that is logged in as it."""

    def enter(email: str = "reader@clinic.example", role: str = "clinician") -> Client:
        make_user(email=email, role=role)
        client = Client(app)
        answer = client.post("/login", {"email": email, "password": PASSWORD})
        assert answer.status_code == 303
        return client

    return enter


@pytest.fixture(scope="session")
def datasets() -> Path:
    """The folder of real images."""
    beside = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("PORTAL_DATASETS") or beside)
    if not (folder / "leukemia").is_dir():
        pytest.skip("the real images are not here: set PORTAL_DATASETS")
    return folder
