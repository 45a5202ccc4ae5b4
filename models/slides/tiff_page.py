"""Which page of a TIFF is the slide, where its pieces lie, and how large a pixel is; all by tifffile's index."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tifffile import TiffFile, TiffPage, TiffPageSeries

from models.slides.refusals import refuse_damaged, refuse_incomplete, refuse_kind, refuse_other
from models.slides.slide import believable
from models.slides.tiff_piece import BY_LIBTIFF, BY_OPENJPEG, COLOURS, MOST_BYTES, Form

_LEAST_UNTILED_PIXELS = 40_000_000
"""A picture in strips below this is a photograph: it can be uploaded as an image."""
_SEPARATE = 2
_UM_PER_UNIT = {2: 25_400.0, 3: 10_000.0, 4: 1_000.0, 5: 1.0}
_OME_UM = {"": 1.0, "µm": 1.0, "μm": 1.0, "um": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4}


@dataclass(frozen=True, kw_only=True)
class Plane:
    """Where the pieces of one page, or of one of its colours, lie."""

    offsets: tuple[int, ...]
    sizes: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Page:
    """The slide among the pages: its size and that of its pieces in pixels, one plane or one per colour."""

    width: int
    height: int
    piece: tuple[int, int]
    in_strips: bool
    planes: tuple[Plane, ...]
    form: Form
    um_per_px: float | None
    is_ome: bool


def largest(tiff: TiffFile) -> Page:
    """The page with most pixels: labels and overviews are smaller. Raises Unreadable."""
    series = max(tiff.series, key=lambda one: int(one.keyframe.imagewidth) * int(one.keyframe.imagelength))
    page = series.keyframe
    width, height = int(page.imagewidth), int(page.imagelength)
    piece = (int(page.tilewidth), int(page.tilelength)) if page.is_tiled else (width, int(page.rowsperstrip) or height)
    piece = (piece[0], piece[1] if page.is_tiled else min(piece[1], height))
    _check(page, series, piece)
    planes = _planes(series, -(-width // piece[0]) * -(-height // piece[1]))
    _check_places(planes, tiff.filehandle.size)
    return Page(
        width=width, height=height, piece=piece, in_strips=not page.is_tiled, planes=planes,
        form=_form(page, 1 if len(planes) > 1 else int(page.samplesperpixel)),
        um_per_px=_ome_um(tiff.ome_metadata or "", width, height) or _tag_um(page), is_ome=bool(tiff.is_ome),
    )  # fmt: skip


def _check(page: TiffPage, series: TiffPageSeries, piece: tuple[int, int]) -> None:
    if page.dtype is None or page.dtype.name != "uint8" or page.bitspersample != 8:
        refuse_kind("A slide of measured values or of more than 8 bits per colour")
    if page.compression not in BY_LIBTIFF | BY_OPENJPEG or page.photometric not in COLOURS:
        refuse_kind("A TIFF with this compression or colour system")
    if min(*piece, page.imagewidth, page.imagelength) < 1:
        refuse_damaged()
    if piece[0] * piece[1] * 3 > MOST_BYTES:
        refuse_kind("A TIFF that is not stored in small pieces")
    alone = len(series.levels) == 1 and not page.is_tiled
    if alone and page.imagewidth * page.imagelength < _LEAST_UNTILED_PIXELS:
        refuse_other("The file is a single picture, not a slide. Please upload it as an image.")


def _planes(series: TiffPageSeries, count: int) -> tuple[Plane, ...]:
    page = series.keyframe
    samples = int(page.samplesperpixel)
    if samples in (3, 4) and page.planarconfig == _SEPARATE:
        return tuple(_plane(page, colour * count, count) for colour in range(3))
    if samples in (3, 4):
        return (_plane(page, 0, count),)
    channels = series.shape[series.axes.index("C")] if "C" in series.axes else 1
    if samples != 1 or channels not in (1, 3):
        refuse_kind(f"A slide of {max(samples, channels)} colour channels")
    # Channels stand together only where nothing but they makes more pages than one.
    if channels == 3 and len(series.pages) != 3:
        refuse_kind("A slide of several planes, each of several pages,")
    return tuple(_plane(one, 0, count) for one in list(series.pages)[:channels])


def _plane(page: object, first: int, count: int) -> Plane:
    offsets, sizes = page.dataoffsets[first : first + count], page.databytecounts[first : first + count]  # type: ignore[attr-defined]
    if not len(offsets) == len(sizes) == count:
        refuse_damaged()
    return Plane(offsets=tuple(offsets), sizes=tuple(sizes))


def _check_places(planes: tuple[Plane, ...], size: int) -> None:
    for plane in planes:
        if any(start + length > size for start, length in zip(plane.offsets, plane.sizes, strict=True)):
            refuse_incomplete()


def _form(page: TiffPage, samples: int) -> Form:
    photometric = int(page.photometric)
    return Form(
        compression=int(page.compression),
        photometric=photometric if samples > 1 or photometric == 0 else 1,
        samples=samples,
        predictor=int(page.predictor),
        subsampling=(page.subsampling[0], page.subsampling[1]) if page.subsampling else (1, 1),
        jpeg_tables=page.jpegtables or b"",
    )


def _ome_um(xml: str, width: int, height: int) -> float | None:
    """From the first image of that size; the text is only searched, never parsed."""
    for pixels in re.findall(r"<(?:\w+:)?Pixels\b[^>]*>", xml):
        told = dict(re.findall(r'\b(\w+)="([^"]*)"', pixels))
        if (told.get("SizeX"), told.get("SizeY")) != (str(width), str(height)):
            continue
        try:
            across, down = (
                float(told[f"PhysicalSize{axis}"]) * _OME_UM[told.get(f"PhysicalSize{axis}Unit", "")] for axis in "XY"
            )
        except (KeyError, ValueError):
            return None
        return believable(across, down)
    return None


def _tag_um(page: TiffPage) -> float | None:
    try:
        unit = _UM_PER_UNIT[int(page.resolutionunit)]
        (x_above, x_below), (y_above, y_below) = (page.tags[name].value for name in ("XResolution", "YResolution"))
        return believable(unit * x_below / x_above, unit * y_below / y_above)
    except (KeyError, ValueError, TypeError, ZeroDivisionError):
        return None
