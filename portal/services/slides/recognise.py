"""Which files are slides rather than single pictures, told from their bytes; the name helps only where it must."""

from __future__ import annotations

from models.imaging import ifd

HEAD_BYTES = 65_536
"""As much of a file's beginning as is looked at before the rest is asked for."""
NAMES = (".svs", ".ndpi", ".scn", ".bif", ".svslide", ".ome.tif", ".ome.tiff", ".mrxs", ".dcm", ".zip")
"""Of files that no camera makes."""
NO_SLIDE = ("The file is not a slide, whatever its name says. SVS, NDPI, SCN, pyramidal TIFF, OME-TIFF and DICOM are "
            "read as one file; MRXS and DICOM of several files as a ZIP of their folder.")
PICTURE = "The file is a single picture, not a slide. Send it as an image."
_TIFF = (b"II\x2a\0", b"MM\0\x2a", b"II\x2b\0", b"MM\0\x2b")
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"RIFF", b"GIF8")
_TILE_WIDTH, _SUBDIRECTORIES = 322, 330


def why_no_slide(head: bytes) -> str:
    """Why a file that begins so cannot be a slide, in a sentence; nothing when it can."""
    if head.startswith(_TIFF) or _is_dicom(head) or head.startswith(b"PK\x03\x04"):
        return ""
    return PICTURE if head.startswith(_PICTURES) else NO_SLIDE


def is_slide(name: str, data: bytes, most_bytes: int) -> bool:
    """Whether a file that came through the form for images is a slide; `data` may be cut off behind `most_bytes`."""
    if _is_dicom(data):
        return True
    if data.startswith(b"PK\x03\x04"):
        return name.lower().endswith(".zip")
    if not data.startswith(_TIFF):
        return False
    return len(data) > most_bytes or name.lower().endswith(NAMES) or _is_pyramid(data)


def _is_dicom(head: bytes) -> bool:
    return head[128:132] == b"DICM"


def _is_pyramid(data: bytes) -> bool:
    """A first page in tiles, with smaller ones behind or below it."""
    try:
        layout = ifd.read_layout(data)
        tags, following = ifd.read_directory(data, layout, layout.first)
    except ifd.BadDirectory:
        return False
    return _TILE_WIDTH in tags and (bool(following) or _SUBDIRECTORIES in tags)
