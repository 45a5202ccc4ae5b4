"""Slides that the tests make themselves, and a queue that takes them in."""

from __future__ import annotations

import io
import secrets
from typing import Any

import numpy as np
import tifffile
from flask import Flask

from models.imaging.limits import Limits
from models.slides.foreign import open_foreign
from models.slides.keep import keep
from models.slides.limits import SlideLimits
from models.spec import Layer, Pixels, Reading, Region
from portal.extensions import db
from portal.services.evidence import keep_evidence, keep_layers
from portal.services.jobs import registry, run
from portal.services.jobs.work import Watch
from portal.services.uploads import Desk
from portal.storage import access, work_items
from portal.storage.tables.cases import Case, Image
from portal.storage.tables.readings import Prediction
from tests.unit.models.slides.made import InMemory


def painted(width: int, height: int, seed: int = 1) -> Pixels:
    """Smooth colours in which every place looks different, on white."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = [np.sin(x / rng.uniform(40, 90) + phase) + np.cos(y / rng.uniform(40, 90)) for phase in range(3)]
    pixels = np.stack(waves, axis=-1) * 45 + 150
    pixels[: height // 8] = 255
    return np.asarray(pixels.clip(0, 255), np.uint8)


def slide(width: int = 1500, height: int = 1100, um_per_px: float | None = 0.5, seed: int = 1) -> bytes:
    """A tiled, pyramidal TIFF."""
    pixels, buffer = painted(width, height, seed), io.BytesIO()
    known: dict[str, Any] = {}
    if um_per_px:
        known = {"resolution": (10_000 / um_per_px, 10_000 / um_per_px), "resolutionunit": "CENTIMETER"}
    options: dict[str, Any] = {"tile": (256, 256), "photometric": "rgb", "metadata": None}
    with tifffile.TiffWriter(buffer) as file:
        file.write(pixels, **options, **known)
        file.write(np.ascontiguousarray(pixels[::2, ::2]), subfiletype=1, **options)
    return buffer.getvalue()


def keep_slide(app: Flask, case_id: int, pixels: Pixels, um_per_px: float | None = 0.5) -> int:
    """A slide of a case, kept as if it had been taken in; returns its image."""
    settings = app.extensions["settings"]
    made = settings.instance / f"{secrets.token_hex(4)}.tif"
    keep(InMemory(pixels, um_per_px), made, lambda _done, _total: None)
    with app.app_context():
        image = Image(case_id=case_id, sha256=secrets.token_hex(32), name="node.svs", kind="slide", format="memory",
                      stored_as=app.extensions["files"].put_file(made, ".tif"), content_type="image/tiff",
                      width=pixels.shape[1], height=pixels.shape[0], size=1, um_per_px=um_per_px)
        db.session.add(image)
        db.session.commit()
        return image.id


def open_case(owner_id: int, blind: bool = False) -> int:
    """A case in the database; needs an application context."""
    case = Case(owner_id=owner_id, patient="P-1", specimen="lymph node", blind=blind)
    db.session.add(case)
    db.session.flush()
    access.add_reader(case.id, owner_id, owner_id)
    db.session.commit()
    return case.id


def work(app: Flask, turns: int = 20, watch: Watch = lambda _seconds: None) -> None:
    """Let a worker do whatever waits; `watch` hears how long it may be silent."""
    parts = app.extensions
    settings = parts["settings"]
    desk = Desk(engine=parts["engine"], store=parts["files"], writer=parts["writer"],
                limits=Limits(max_bytes=settings.max_image_bytes, max_pixels=settings.max_image_pixels))
    with app.app_context():
        for _ in range(turns):
            if not run.run_next(registry.KINDS, desk, settings, parts["carrier"], "test", watch):
                break


def kept_slide(app: Flask, case_id: int, *, width: int = 1500, height: int = 1100, seed: int = 1,
               um_per_px: float | None = 0.5) -> int:
    """A slide as a job leaves it, without the job; returns the image."""
    settings = app.extensions["settings"]
    folder = settings.instance / "made"
    folder.mkdir(exist_ok=True)
    sent, kept = folder / "sent.tif", folder / "kept.tif"
    sent.write_bytes(slide(width, height, um_per_px, seed))
    with open_foreign(sent, SlideLimits()) as foreign:
        keep(foreign, kept, lambda done, total: None)
    with app.app_context():
        image = Image(case_id=case_id, sha256=f"{seed:064x}", name=f"slide-{seed}.svs", content_type="image/tiff",
                      stored_as=app.extensions["files"].put_file(kept, ".tif"), format="tiff", width=width,
                      height=height, size=1000, kind="slide", um_per_px=um_per_px)
        db.session.add(image)
        db.session.commit()
        return image.id


def layered_reading(app: Flask, image_id: int, *, blind: bool = False) -> int:
    """A reading of a slide with a heat map and two regions; returns the prediction."""
    heat = np.zeros((11, 15), np.float32)
    heat[3:6, 4:7] = 0.9
    regions = (Region(x=200, y=300, width=256, height=256, value=0.9, text="Suspicious, 0.90"),
               Region(x=900, y=600, width=256, height=256, value=0.7, text="Suspicious, 0.70"))
    reading = Reading(outcome="scored", layers=(Layer(name="map", title="Where it is suspicious", kind="heat",
                                                      values=heat),), regions=regions)
    with app.app_context():
        image = db.session.get_one(Image, image_id)
        image.case.blind = blind
        prediction = Prediction(image=image, model="pcam", version="1", weights_sha256="0" * 64, outcome="scored",
                                label="metastatic", scores={"metastatic": 0.9, "non-metastatic": 0.1},
                                findings=[], layers=keep_layers(reading), evidence=keep_evidence(reading, 0.5), ms=1.0)
        db.session.add(prediction)
        db.session.flush()
        work_items.add_for_readers(prediction, image.case_id)
        db.session.commit()
        return prediction.id
