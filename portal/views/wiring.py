"""What views hand to services: settings, engine, files and limits of the running app."""

from __future__ import annotations

from typing import cast

from flask import current_app, request

from config import Settings
from models.engine import Engine
from models.imaging.limits import Limits
from portal.services.jobs.carrier import Carrier
from portal.services.metrics.tally import Tally
from portal.services.readiness import Probe
from portal.services.slides.deliveries import Post
from portal.services.slides.opened import OpenSlides
from portal.services.uploads import Desk
from portal.storage.files import Files
from portal.views.api import problems

LARGEST_PAGE = 1_000_000


def settings() -> Settings:
    return cast(Settings, current_app.extensions["settings"])


def engine() -> Engine:
    return cast(Engine, current_app.extensions["engine"])


def probe() -> Probe:
    return cast(Probe, current_app.extensions["probe"])


def tally() -> Tally:
    return cast(Tally, current_app.extensions["tally"])


def limits() -> Limits:
    return Limits(max_bytes=settings().max_image_bytes, max_pixels=settings().max_image_pixels)


def files() -> Files:
    return cast(Files, current_app.extensions["files"])


def slides() -> OpenSlides:
    return cast(OpenSlides, current_app.extensions["slides"])


def desk() -> Desk:
    return Desk(engine=engine(), store=files(), writer=current_app.extensions["writer"], limits=limits())


def carrier() -> Carrier:
    return cast(Carrier, current_app.extensions["carrier"])


def post() -> Post:
    return Post(settings=settings(), carrier=carrier())


def page_number() -> int:
    """The page asked for, at least 1 and no more than a database can skip to."""
    return min(max(1, request.args.get("page", 1, type=int)), LARGEST_PAGE)


def wants_json() -> bool:
    """Whether the client prefers JSON to a page; of the API every client does."""
    if problems.is_asked():
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json"], default="text/html")
    return best == "application/json"
