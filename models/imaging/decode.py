"""From untrusted bytes to upright RGB pixels. Pillow is only shown containers that were rebuilt here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from models.imaging import jpeg, png
from models.imaging.container import Format, Header, Stripped
from models.imaging.errors import Unreadable, refuse_broken, refuse_truncated, refuse_unsupported
from models.imaging.header import read_header
from models.imaging.limits import Limits
from models.imaging.strip import strip
from models.spec import Pixels

# The classes and not Image.open: no other format can be chosen, and no plugin is imported on the way.
_OPEN: dict[Format, Callable[[BytesIO], ImageFile.ImageFile]] = {
    "jpeg": JpegImageFile,
    "png": PngImageFile,
    "tiff": TiffImageFile,
    "webp": WebPImageFile,
    "bmp": BmpImageFile,
}
_BAND_ROWS = 256
"""Rows converted at a time, so that a large picture is never in memory a third time."""
_DEEP_GREY = {"I;16", "I;16B", "I;16L", "I;16N"}
_DIRECT = {"1", "L", "P", "RGB", "CMYK", "YCbCr"}
_WITH_ALPHA = {"LA", "La", "PA", "RGBA", "RGBa"}
_FILLED_IN = 128
"""What libjpeg paints where the scan data has run out: mid-grey, or the same of each printing colour."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A decoded picture: upright RGB, shape (height, width, 3)."""

    pixels: Pixels
    header: Header
    notes: tuple[str, ...] = ()
    """What was changed on the way, in sentences a clinician may see."""
    keepable: bool = False
    """Whether the upload, stripped of metadata, shows exactly these pixels in a browser."""

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])


def decode(data: bytes, limits: Limits) -> Picture:
    """The picture in `data`, upright, RGB, on white; raises Unreadable and nothing else for bad data.

    Foreign bytes are decoded apart, by `models.sandbox.pool.decode`: a library's fault here takes the process with it.
    Raises MemoryError where the process may have no more.
    """
    header = read_header(data, limits)
    stripped = strip(data, header)
    stored, see_through = _load(stripped, header)
    exact = _is_exact(stripped, header, stored)
    return Picture(
        pixels=_upright(stored, header.orientation),
        header=header,
        notes=_notes(header, see_through),
        keepable=stripped.keepable and exact and header.orientation == 1 and not see_through,
    )


def _load(stripped: Stripped, header: Header) -> tuple[Pixels, bool]:
    try:
        with _OPEN[header.format](BytesIO(stripped.data)) as image:
            if image.size != (header.width, header.height):
                refuse_broken()
            image.load()
            return _to_rgb(image, header, stripped.inverted)
    except (Unreadable, MemoryError):
        raise
    except Exception as error:
        if "truncated" in str(error):
            refuse_truncated()
        refuse_broken()


def _to_rgb(image: Image.Image, header: Header, inverted: bool) -> tuple[Pixels, bool]:
    """RGB pixels on white, and whether anything was see-through."""
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    see_through = False
    for top in range(0, height, _BAND_ROWS):
        band = image.crop((0, top, width, min(top + _BAND_ROWS, height)))
        if band.mode in _DEEP_GREY:
            grey = _grey_to_8_bits(np.asarray(band), header.bits, inverted)
            pixels[top : top + _BAND_ROWS] = grey[..., None]
            continue
        if band.mode in _WITH_ALPHA or "transparency" in band.info:
            band, clear = _on_white(band)
            see_through = see_through or clear
        elif band.mode not in _DIRECT:
            refuse_unsupported("A picture in this colour system")
        if inverted and band.mode == "CMYK":
            band = band.point(lambda value: 255 - value)
        pixels[top : top + _BAND_ROWS] = np.asarray(band if band.mode == "RGB" else band.convert("RGB"))
    return pixels, see_through


def _grey_to_8_bits(values: NDArray[np.uint16], bits: int, inverted: bool) -> NDArray[np.uint8]:
    """The upper eight of `bits` bits: scaled over the whole range that the file declares, never clipped."""
    grey = (values >> (bits - 8)).astype(np.uint8)
    return 255 - grey if inverted else grey


def _on_white(band: Image.Image) -> tuple[Image.Image, bool]:
    if band.mode == "La":
        band = band.convert("LA")
    coloured = band.convert("RGBA")
    if coloured.getchannel("A").getextrema() == (255, 255):
        return coloured.convert("RGB"), False
    white = Image.new("RGBA", coloured.size, "white")
    return Image.alpha_composite(white, coloured).convert("RGB"), True


def _is_exact(stripped: Stripped, header: Header, pixels: Pixels) -> bool:
    """Whether nothing hides behind the picture data; refuses the file where some of that data is missing."""
    if header.format == "jpeg" and _ends_early(stripped, header, pixels):
        refuse_truncated()
    return header.format != "png" or png.fills_exactly(stripped.data)


def _ends_early(stripped: Stripped, header: Header, pixels: Pixels) -> bool:
    """Whether a JPEG with a proper end lacks scan data before it: libjpeg paints grey there and only warns.

    More scan data changes nothing behind a complete picture. The second decoding that this costs is
    spent where the last corner has the filling colour, and on pictures drawn in several passes.
    """
    corner = pixels[-8:, -8:]
    filled_in = (corner == corner[0, 0]).all() and (header.colours == "cmyk" or corner[0, 0, 0] == _FILLED_IN)
    if stripped.scans == 1 and not filled_in:
        return False
    again = Stripped(data=jpeg.with_more_scan_data(stripped), keepable=False, inverted=stripped.inverted)
    return not np.array_equal(_load(again, header)[0], pixels)


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo the EXIF orientation: 5 to 8 are transposed, the rest is flips."""
    if orientation == 1:
        return pixels
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _notes(header: Header, see_through: bool) -> tuple[str, ...]:
    notes = {
        "The picture was turned upright as the camera recorded.": header.orientation != 1,
        "Transparent parts were laid on white.": see_through,
        "Printing colours (CMYK) were turned into screen colours without the printer's profile.": (
            header.colours == "cmyk"
        ),
        "16-bit samples were reduced to 8 bits.": header.bits > 8,
    }
    return tuple(sentence for sentence, holds in notes.items() if holds)
