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
from portal.cli import audit as audit_commands
from portal.cli import backup as backup_commands
from portal.cli import housekeeping, predict, prepare, samples, secret
from portal.cli import models as model_commands
from portal.extensions import bootstrap, csrf, db, login_manager, migrate
from portal.services.jobs.carrier import Carrier
from portal.services.metrics.tally import Tally
from portal.services.readiness import Probe, read_facts
from portal.services.slides.opened import OpenSlides
from portal.storage import schema  # noqa: F401  (the tables must be known before the database is)
from portal.storage.stores import open_files
from portal.views import (
    account,
    admin,
    admin_accounts,
    agreement,
    asked,
    audit_trail,
    auth,
    away,
    bodies,
    carried,
    cases,
    choices,
    deletions,
    deliveries,
    drawings,
    drift,
    errors,
    exports,
    filters,
    fits,
    folders,
    forgotten,
    headers,
    health,
    home,
    images,
    jobs,
    notices,
    places,
    predictions,
    proof,
    refusals,
    region_exports,
    reports,
    second_factor,
    sessions,
    setup,
    sharing,
    shown,
    slide_readings,
    slides,
    spending,
    stay,
    subjects,
    training_sets,
)
from portal.views import models as model_views
from portal.views import settings as settings_views
from portal.views.api import interface
from portal.views.ids import IdConverter

VIEWS = (account, admin, admin_accounts, agreement, audit_trail, auth, cases, choices, deletions, deliveries,
         drawings, drift, exports, fits, folders, forgotten, health, home, images, jobs, model_views, notices,
         predictions, proof, region_exports, reports, second_factor, settings_views, setup, sharing, slide_readings,
         slides, stay, subjects, training_sets)
COMMANDS = (account_commands, audit_commands, housekeeping, model_commands, predict, prepare, samples, secret)


def create_app(settings: Settings | None = None) -> Flask:
    """A portal for these settings; without any, for those of the environment and `.env`."""
    settings = settings or load_settings()
    app = Flask("portal", root_path=str(ROOT), instance_path=str(settings.instance))
    app.config.from_mapping(_flask_config(settings))
    app.jinja_env.undefined = StrictUndefined
    app.url_map.converters["id"] = IdConverter
    app.extensions["settings"] = settings
    app.extensions["engine"] = Engine(Catalogue(), own=settings.models, threads=settings.inference_threads)
    app.extensions["files"] = open_files(settings)
    app.extensions["carrier"] = Carrier(settings)
    app.extensions["slides"] = OpenSlides(app.extensions["files"])
    app.extensions["postman"] = ThreadPoolExecutor(1, thread_name_prefix="postman")
    app.extensions["probe"] = Probe(read_facts)
    app.extensions["tally"] = Tally()
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
        # A database that is away is told as that, and not waited for.
        options["connect_args"] = {"connect_timeout": 5, "read_timeout": 25, "write_timeout": 25}
        options["pool_timeout"] = 10
    return options


def _wire(app: Flask) -> None:
    logs.init_app(app, app.extensions["settings"])
    asked.init_app(app)
    db.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"))
    login_manager.init_app(app)
    away.init_app(app)
    bodies.init_app(app)
    sessions.init_app(app)  # before the tokens of forms: one without is answered with the page that it stands on
    csrf.init_app(app)
    bootstrap.init_app(app)
    for part in (filters, headers, errors, spending, refusals, places, jobs, stay, carried, notices):
        part.init_app(app)
    for view in VIEWS:
        app.register_blueprint(view.bp)
    interface.init_app(app)
    shown.init_app(app)
    for command in COMMANDS:
        app.cli.add_command(command.group)
    for one in (backup_commands.make, backup_commands.verify, backup_commands.back):
        app.cli.add_command(one)
