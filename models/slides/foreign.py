"""Opens a slide as a scanner wrote it: openslide first, then the TIFF files that it does not read."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NoReturn

from openslide import OpenSlide, OpenSlideError

from models.slides import parts
from models.slides.by_openslide import ByOpenSlide
from models.slides.by_tifffile import ByTifffile
from models.slides.limits import SlideLimits
from models.slides.refusals import refuse_damaged, refuse_other
from models.slides.slide import Slide
from models.slides.tiff_chain import MAGICS

_LOG = logging.getLogger(__name__)
_KINDS = (
    (b"\xff\xd8\xff", "The file is a single picture (JPEG), not a slide. Please upload it as an image."),
    (b"\x89PNG", "The file is a single picture (PNG), not a slide. Please upload it as an image."),
    (b"BM", "The file is a single picture (BMP), not a slide. Please upload it as an image."),
    (b"%PDF", "The file is a PDF document, not a slide. Please upload the slide's own file."),
)


def open_foreign(path: Path, limits: SlideLimits) -> Slide:
    """An open slide; raises Unreadable with a sentence where the file is none, is damaged or is over a limit.

    `path` must lie in a folder of its own: the files beside it are taken for parts of the slide.
    """
    limits.check_bytes(path.stat().st_size)
    with path.open("rb") as file:
        head = file.read(16)
    slide = _opened(path, head)
    try:
        size = parts.size_of(path) if slide.vendor in parts.IN_SEVERAL_FILES else path.stat().st_size
        limits.check_bytes(size)
        limits.check_size(slide.width, slide.height, len(slide.levels()), size)
    except BaseException:
        slide.close()
        raise
    return slide


def _opened(path: Path, head: bytes) -> Slide:
    """By what reads it right: of a TIFF of no vendor openslide may see one colour of three, or black in 12 bits."""
    vendor = OpenSlide.detect_format(path)
    if vendor == "mirax":
        parts.check_list(path.with_suffix("") / "Slidedat.ini")
    elif vendor == "hamamatsu" and not head.startswith(MAGICS):
        parts.check_list(path)
    if vendor and vendor != "generic-tiff":
        try:
            return ByOpenSlide(path, vendor)
        except OpenSlideError as error:
            # Not its words: of a header that it cannot read it quotes the line, which may name the patient.
            _LOG.info("openslide does not open it as %s: %s", vendor, type(error).__name__)
            if not head.startswith(MAGICS):
                refuse_damaged()
    if head.startswith(MAGICS):
        return ByTifffile(path)
    _refuse(head)


def _refuse(head: bytes) -> NoReturn:
    for magic, sentence in _KINDS:
        if head.startswith(magic):
            refuse_other(sentence)
    refuse_other(
        "The file is not a slide, whatever its name says. SVS, NDPI, SCN, pyramidal TIFF, OME-TIFF and DICOM are read "
        "as one file; MRXS, VMS and DICOM of several files as a ZIP of their folder."
    )
