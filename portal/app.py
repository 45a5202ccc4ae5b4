"""The application factory: settings in, a wired portal out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from config import ROOT, Settings, load_settings
from models.catalogue import Catalogue
from models.engine import Engine
from portal import logs
from portal.cli import accounts as account_commands
from portal.cli import housekeeping, predict, prepare, samples
from portal.cli import models as model_commands
from portal.extensions import bootstrap, csrf, db, login_manager, migrate
from portal.storage import tables  # noqa: F401  (the tables must be known before the database is)
from portal.views import (
    account,
    admin,
    agreement,
    auth,
    bodies,
    cases,
    choices,
    errors,
    exports,
    filters,
    headers,
    health,
    home,
    images,
    places,
    predictions,
    reports,
    sessions,
    setup,
    sharing,
    training_sets,
)
from portal.views import models as model_views
from portal.views.api import interface
from portal.views.ids import IdConverter

VIEWS = (account, admin, agreement, auth, cases, choices, exports, health, home, images, model_views, predictions,
         reports, setup, sharing, training_sets)
COMMANDS = (account_commands, housekeeping, model_commands, predict, prepare, samples)


def create_app(settings: Settings | None = None) -> Flask:
    """A portal for these settings; without any, for those of the environment and `.env`."""
    settings = settings or load_settings()
    app = Flask("portal", root_path=str(ROOT), instance_path=str(settings.instance))
    app.config.from_mapping(_flask_config(settings))
    app.jinja_env.undefined = StrictUndefined
    app.url_map.converters["id"] = IdConverter
    app.extensions["settings"] = settings
    app.extensions["engine"] = Engine(Catalogue(), own=settings.models, threads=settings.inference_threads)
    app.extensions["writer"] = ThreadPoolExecutor(thread_name_prefix="writer")
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    _wire(app)
    return app


def _flask_config(settings: Settings) -> dict[str, object]:
    return {
        "SECRET_KEY": settings.secret_key,
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": _engine_options(settings),
        "MAX_CONTENT_LENGTH": settings.max_request_bytes,
        "MAX_FORM_PARTS": settings.max_upload_files + 20,
        "SESSION_COOKIE_NAME": "__Host-secondread" if settings.secure_cookies else "secondread",
        "SESSION_COOKIE_SECURE": settings.secure_cookies,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "PERMANENT_SESSION_LIFETIME": max(settings.remember, settings.session_absolute),
        "WTF_CSRF_TIME_LIMIT": int(settings.session_absolute.total_seconds()),
        "BOOTSTRAP_SERVE_LOCAL": True,
    }


def _engine_options(settings: Settings) -> dict[str, object]:
    """No values in error messages, for they end in logs. READ COMMITTED on MySQL: its default locks gaps between
    rows, and parallel logins would deadlock.
    """
    options: dict[str, object] = {"pool_pre_ping": True, "pool_recycle": 1800, "hide_parameters": True}
    if not settings.database_url.startswith("sqlite"):
        options["isolation_level"] = "READ COMMITTED"
    return options


def _wire(app: Flask) -> None:
    logs.init_app(app)
    db.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"))
    login_manager.init_app(app)
    bodies.init_app(app)
    csrf.init_app(app)
    bootstrap.init_app(app)
    for part in (sessions, filters, headers, errors, places):
        part.init_app(app)
    for view in VIEWS:
        app.register_blueprint(view.bp)
    interface.init_app(app)
    for command in COMMANDS:
        app.cli.add_command(command.group)
