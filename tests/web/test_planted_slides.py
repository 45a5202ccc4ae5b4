"""A patient in a slide's header, in its XML or on its label is found nowhere, whatever its kind and way in.

`test_planted_names` does the same for images, and for what a file is called.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
import tifffile
from flask import Flask
from numpy.typing import NDArray
from PIL import Image as PillowImage
from sqlalchemy import select
from werkzeug.test import TestResponse

from models.slides.kept import KeptSlide
from portal.extensions import db
from portal.services.backup.archive import ROWS, rows_of, walk
from portal.services.backup.make import make_backup
from portal.services.slides import watch
from portal.services.slides.watch import Watcher
from portal.storage.incoming import Incoming
from portal.storage.tables.cases import Image
from portal.storage.tables.jobs import Job
from portal.storage.tables.readings import Prediction
from tests.backup.conftest import PASSPHRASE, source_of
from tests.support import pdf, pictures, planted
from tests.support import planted_slides as slides
from tests.support.client import Client
from tests.support.mutants import NIGHTLY
from tests.support.slides import work
from tests.web.test_cases import open_case
from tests.web.test_deliveries import deliver
from tests.web.test_images import upload
from tests.web.test_planted_names import answers, database_url, everything, settings, temporary
from tests.web.test_reports import sign

__all__ = ["database_url", "settings", "temporary"]

SENT = ("dicom-series", "mrxs", "svs", "dicom") if NIGHTLY else ("dicom-series",)
FORM = ("ome",)
FOLDER = ("ndpi", "scn", "bigtiff") if NIGHTLY else ("ndpi",)
"""Kinds that come in pieces, in the form for images, and by way of the import folder; all of them each night."""
BROKEN = ("bad.scn", "bad.ome.tif", "bad.dcm", "cut.svs", "bad.zip", "names.zip") if NIGHTLY else ("bad.zip",)
FORMATS = {"svs": "aperio", "ndpi": "hamamatsu", "scn": "leica", "mrxs": "mirax", "dicom": "dicom",
           "dicom-series": "dicom", "ome": "ome-tiff", "bigtiff": "tiff"}
PDF = "application/pdf"


@pytest.fixture
def reader(app: Flask, login: Callable[..., Client], temporary: Path, tmp_path: Path,
           monkeypatch: pytest.MonkeyPatch) -> Client:
    """An administrator whose case holds a slide of every kind, read, drawn on, cut, reviewed, signed and exported."""
    reader = login(role="admin")
    case_id = open_case(reader)
    made = {kind: slides.KINDS[kind](slides.folder_of(tmp_path / "made", kind)) for kind in (*SENT, *FORM, *FOLDER)}
    for kind in SENT:
        deliver(reader, case_id, made[kind].read_bytes(), name=f"{kind}{made[kind].suffix}")
    assert upload(reader, case_id, ("smear.png", pictures.smear())).status_code == 201
    for kind in FORM:
        assert upload(reader, case_id, (f"{kind}.ome.tif", made[kind].read_bytes())).status_code == 202
    offered = tmp_path / "import" / f"case-{case_id}"
    offered.mkdir()
    for kind in FOLDER:
        made[kind].rename(offered / made[kind].name)
    watcher = Watcher(app.extensions["settings"], app.extensions["carrier"])
    with app.app_context():
        watcher.look()
        watcher.look()
    work(app, 60)
    broken = slides.broken(tmp_path / "broken")
    for name in BROKEN:
        deliver(reader, case_id, broken[name], name=name)
    work(app, 60)
    _use(app, reader, case_id)
    monkeypatch.setattr(watch, "GRACE", timedelta(seconds=-60))
    with app.app_context():
        watch.clear_away(Incoming(app.extensions["settings"].incoming))
    return reader


def _use(app: Flask, reader: Client, case_id: int) -> None:
    with app.app_context():
        kept = db.session.scalars(select(Image.id).where(Image.kind == "slide").order_by(Image.id)).all()
    for image in kept:
        drawn = reader.post_json(f"/images/{image}/annotations",
                                 {"shape": "box", "points": [[50, 200], [450, 600]], "text": "here"})
        assert drawn.status_code == 201, drawn.text
        assert reader.post(f"/images/{image}/cut", {"mark": drawn.get_json()["mark"], "model": "leukemia"}
                           ).status_code == 303
    assert reader.post(f"/images/{kept[0]}/slide", {"um_per_px": "0.5", "model": "pcam"}).status_code == 303
    work(app, 60)
    with app.app_context():
        read = db.session.scalars(select(Prediction.id).where(Prediction.model == "leukemia")).all()
    for number in read:
        said = {"verdict": "override", "label": "Benign", "reason": "seen"}
        assert reader.post(f"/predictions/{number}/review", said).status_code == 303
    signed = sign(reader, case_id, comment="Seen.", although_waiting="y")
    assert signed.status_code == 303, signed.text
    for path in (f"/cases/{case_id}/report", "/cases/export", "/training-sets/leukemia"):
        assert reader.post(path, {"form": "csv", "reviews": "latest"}).status_code in (302, 303), path
    work(app, 60)


def test_the_slides_as_they_are_sent_hold_what_is_sought(tmp_path: Path) -> None:
    """Else the other test would find nothing, whatever is there."""
    for kind, make in slides.KINDS.items():
        assert planted.is_in(make(slides.folder_of(tmp_path, kind)).read_bytes(), slides.SOUGHT), kind
    assert _magenta(slides.label())


def test_a_patient_and_a_label_of_a_slide_are_nowhere(app: Flask, reader: Client, temporary: Path, tmp_path: Path,
                                         capfd: pytest.CaptureFixture[str]) -> None:
    with app.app_context():
        formats = set(db.session.scalars(select(Image.format).where(Image.kind == "slide")))
        states = [job.state for job in db.session.scalars(select(Job))]
    assert formats >= {FORMATS[kind] for kind in (*SENT, *FORM, *FOLDER)}
    assert "failed" in states, "the broken ones"
    made = make_backup(source_of(app), tmp_path / "all.backup", PASSPHRASE)
    told = [(url, answer) for url, answer in answers(app, reader) if answer.status_code == 200]
    found = {"stored": [str(path) for path, data in everything(app) if _names(data)],
             "paths": [str(path) for path, _ in everything(app) if _names(str(path).encode())],
             "served": [url for url, answer in told if _names(answer.data) or _names(str(answer.headers).encode())],
             "PDF": [url for url, answer in told if answer.mimetype == PDF and _names(_words(answer.data))],
             "backup": [name for name, data in _unpacked(made.path) if _names(name.encode()) or _names(data)],
             "logged": [line for line in "".join(capfd.readouterr()).splitlines() if _names(line.encode())],
             "left": [str(path) for path in temporary.rglob("*")]}
    assert found == {where: [] for where in found}
    assert {"/metrics", "/cases/1/reports/1.pdf", "/cases/export.xlsx"} <= {url for url, _ in told}
    assert len(told) > 100
    _no_label(app, told)


def _no_label(app: Flask, told: list[tuple[str, TestResponse]]) -> None:
    """Neither in a kept pyramid, whatever its page, nor in a picture that is shown, exported or printed."""
    kept = [path for path, _ in everything(app) if path.suffix == ".tif"]
    assert len(kept) >= len({*SENT, *FORM, *FOLDER})
    for path in kept:
        with KeptSlide(path) as slide, tifffile.TiffFile(path) as file:
            assert len(file.pages) == len(slide.levels()), "no page but the levels"
            for number, level in enumerate(slide.levels()):
                assert not _magenta(slide.region(number, 0, 0, level.width, level.height)), path
    shown = 0
    for url, answer in told:
        if "/models/" not in url:
            for pixels in _pictures(answer.mimetype, answer.data):
                assert not _magenta(pixels), url
                shown += 1
    assert shown > 20


def _names(data: bytes) -> bool:
    return planted.is_in(data, slides.SOUGHT)


def _words(data: bytes) -> bytes:
    """What a PDF says on its pages and of itself."""
    document = pypdfium2.PdfDocument(data)
    try:
        return f"{pdf.text_of(data)} {document.get_metadata_dict()} {list(document.get_toc())}".encode()
    finally:
        document.close()


def _unpacked(path: Path) -> Iterator[tuple[str, bytes]]:
    """Every member of a backup, the manifest among them, rows as text."""
    for name, content, _size in walk(path, PASSPHRASE):
        yield name, (str(list(rows_of(content))).encode() if name.startswith(ROWS) else
                     b"".join(iter(content.read, b"")))


def _pictures(mimetype: str, data: bytes) -> list[NDArray[np.uint8]]:
    if mimetype == PDF:
        return [picture for page in pdf.pages(data, scale=1) for picture in [page.pixels, *page.pictures]]
    if mimetype.startswith("image/") and mimetype != "image/svg+xml":
        return [np.asarray(PillowImage.open(io.BytesIO(data)).convert("RGBA").convert("RGB"))]
    return []


def _magenta(pixels: NDArray[np.uint8]) -> bool:
    return bool((np.abs(pixels.astype(np.int16)[..., :3] - planted.MAGENTA).max(axis=-1) < 40).any())
