"""From untrusted bytes to a header, within the limits, without decoding. Content decides, never the name."""

from __future__ import annotations

from models.imaging import bmp, jpeg, png, tiff, webp
from models.imaging.container import Header
from models.imaging.errors import EXPORT, Unreadable, refuse_unsupported
from models.imaging.limits import LONGEST_SIDE, Limits

_OTHER_KINDS = (
    (0, (b"GIF8",), "A GIF, with its 256 colours or its animation,"),
    (4, (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypheif"), "A HEIC picture from a phone"),
    (4, (b"ftypavif", b"ftypavis"), "An AVIF picture"),
    (0, (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"), "A JPEG 2000 picture"),
    (0, (b"%PDF",), "A PDF document"),
    (128, (b"DICM",), "A DICOM file"),
    (0, (b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf"), "An archive or office document"),
)


def read_header(data: bytes, limits: Limits) -> Header:
    """Format and size of the picture in `data`; raises Unreadable where it is none, or is over a limit."""
    if not data:
        raise Unreadable("not-an-image", "The file is empty. Please copy or export it again.")
    if len(data) > limits.max_bytes:
        raise Unreadable("too-many-bytes", _too_many_bytes(limits))
    header = _read(data, limits)
    if max(header.width, header.height) > LONGEST_SIDE or header.width * header.height > limits.max_pixels:
        raise Unreadable("too-many-pixels", _too_many_pixels(header, limits))
    return header


def _read(data: bytes, limits: Limits) -> Header:
    if data.startswith(jpeg.MAGIC):
        return jpeg.read_header(data)
    if data.startswith(png.MAGIC):
        return png.read_header(data)
    if data.startswith(tiff.MAGICS):
        return tiff.read_header(data, limits)
    if webp.is_webp(data):
        return webp.read_header(data)
    if data.startswith(bmp.MAGIC):
        return bmp.read_header(data)
    for offset, magics, what in _OTHER_KINDS:
        if data.startswith(magics, offset):
            refuse_unsupported(what)
    raise Unreadable("not-an-image", f"The file is not a picture, whatever its name says. {EXPORT}")


def _too_many_bytes(limits: Limits) -> str:
    # Not how much it has: whoever hands us bytes may have stopped reading one past the limit.
    return (
        f"The file is larger than the {limits.max_bytes / 1e6:g} MB that are accepted. "
        "Please export it smaller or with compression."
    )


def _too_many_pixels(header: Header, limits: Limits) -> str:
    return (
        f"The picture has {header.width} × {header.height} pixels; at most {limits.max_pixels / 1e6:g} "
        f"megapixels and {LONGEST_SIDE} pixels a side are accepted. Please export one field of view."
    )
