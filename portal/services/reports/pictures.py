"""The pictures of a report: one image decoded at a time, and each kept only as the small copy that is printed."""

from __future__ import annotations

import hashlib
import logging
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

from models.imaging.errors import Unreadable
from models.imaging.figure import blend, jpeg_bytes, small_copy
from models.imaging.limits import OUR_OWN
from models.sandbox.pool import decode
from models.slides.kept import KeptSlide
from models.spec import Pixels
from portal.services.reports.snapshot import Content
from portal.storage import reports
from portal.storage.files import Files, FilesUnavailable

log = logging.getLogger("portal.reports")


class Pictures:
    """Draws the figures of one content; what is not what was signed is not drawn.

    `step` is called before each picture; what it raises ends the drawing. Raises FilesUnavailable: a report must
    not lack its pictures because of a moment's failure.
    """

    def __init__(self, store: Files, step: Callable[[], None] = lambda: None) -> None:
        self._store, self._step = store, step
        self._held: tuple[str, int, Pixels | None] = ("", 0, None)

    def draw(self, image: Content, side: int, prediction: Content | None = None, layer: str = "") -> bytes | None:
        """A JPEG of the image, under a layer of a prediction where one is named; None when it cannot be shown."""
        self._step()
        pixels = self._small(image, side)
        if pixels is None or prediction is None:
            return None if pixels is None else jpeg_bytes(pixels)
        signed = next(one for one in prediction["layers"] if one["name"] == layer)
        kept, _evidence = reports.find_shown(prediction["id"])
        packed = b64decode(next((one["png"] for one in kept if one["name"] == layer), ""))
        if hashlib.sha256(packed).hexdigest() != signed["sha256"]:
            log.error("layer %s of prediction %s is not the one in the report", layer, prediction["id"])
            return None
        return jpeg_bytes(blend(pixels, signed["kind"], packed))

    def _small(self, image: Content, side: int) -> Pixels | None:
        """The small copy; that of the last image is kept, for its layers come next."""
        name, held_side, pixels = self._held
        if (name, held_side) != (image["stored_as"], side):
            self._held = ("", 0, None)
            pixels = self._decoded(image, side)
            self._held = (image["stored_as"], side, pixels)
        return pixels

    def _decoded(self, image: Content, side: int) -> Pixels | None:
        try:
            if image.get("kind") == "slide":
                return self._of_slide(image, side)
            data = self._store.read(image["stored_as"])
            signed = image.get("file_sha256")
            if signed and hashlib.sha256(data).hexdigest() != signed:
                log.error("the file of image %s is not the one that was signed", image["id"])
                return None
            return small_copy(decode(data, OUR_OWN).pixels, side)
        except FilesUnavailable:
            raise
        except (OSError, Unreadable):
            log.exception("the file of image %s cannot be shown in a report", image["id"])
            return None

    def _of_slide(self, image: Content, side: int) -> Pixels | None:
        path, signed = self._store.local(image["stored_as"]), image.get("file_sha256")
        if signed and _sha256(path) != signed:
            log.error("the file of slide %s is not the one that was signed", image["id"])
            return None
        with KeptSlide(path) as slide:
            return slide.thumbnail(side)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
