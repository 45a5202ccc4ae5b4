"""Slides of every kind that can be written here, with a patient wherever header and label can carry one."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import tifffile
from PIL import Image, ImageDraw

from models.spec import Pixels
from tests.support import planted
from tests.unit.models.slides import vendors
from tests.unit.models.slides.dicom import Header, dicom
from tests.unit.models.slides.made import painted

PATIENT, BORN, WHERE = "HQZ-KVWXYT", "18970613", "Unterwaldersheim-Klinikum"
TOLD = f"{planted.NAME}; {PATIENT}; {BORN}; {WHERE}"
SOUGHT = set().union(*map(planted.spellings, (planted.NAME, PATIENT, BORN, "1897-06-13", "13.06.1897", WHERE)))
WIDTH, HEIGHT = 904, 704
"""Divisible by 8, as NDPI wants it."""
_DICOM: Header = {
    (0x0008, 0x0005): ("CS", "ISO_IR 192"), (0x0008, 0x0050): ("SH", PATIENT), (0x0008, 0x0080): ("LO", WHERE),
    (0x0008, 0x0081): ("ST", WHERE), (0x0008, 0x0090): ("PN", planted.NAME), (0x0008, 0x1030): ("LO", TOLD),
    (0x0008, 0x1070): ("PN", planted.NAME), (0x0009, 0x0010): ("LO", "OURS"), (0x0009, 0x1001): ("UT", TOLD),
    (0x0010, 0x0010): ("PN", planted.NAME.replace(" ", "^")), (0x0010, 0x0020): ("LO", PATIENT),
    (0x0010, 0x0030): ("DA", BORN), (0x0010, 0x1000): ("LO", PATIENT), (0x0010, 0x4000): ("LT", TOLD),
    (0x0020, 0x4000): ("LT", TOLD), (0x0040, 0x0512): ("LO", PATIENT), (0x2200, 0x0002): ("UT", TOLD),
    (0x2200, 0x0005): ("LT", PATIENT),
}  # fmt: skip


def label() -> Pixels:
    """A magenta picture with the name in letters: no slide has that colour."""
    shown = Image.new("RGB", (320, 160), planted.MAGENTA)
    ImageDraw.Draw(shown).text((20, 60), TOLD, fill="black")
    return np.asarray(shown)


def glass(seed: int) -> Pixels:
    return painted(WIDTH, HEIGHT, seed)


def svs(folder: Path) -> Path:
    said = f"Aperio Image Library v11\r\n{WIDTH}x{HEIGHT} (256x256) JPEG/RGB Q=30|AppMag = 20|MPP = 0.5|User = {TOLD}\0"
    page = vendors.Page(pixels=glass(1), tags={270: (2, said.encode()), 315: (2, TOLD.encode() + b"\0")})
    further = [vendors.Page(pixels=label(), tags={254: (4, (kind,)), 270: (2, f"Aperio x\r\n{what} {TOLD}\0".encode())},
                            tiled=False) for what, kind in (("thumbnail", 0.0), ("label", 1.0), ("macro", 9.0))]
    return vendors.write_tiff(folder / "a.svs", page, *further)


def ndpi(folder: Path) -> Path:
    return vendors.hamamatsu(folder / "a.ndpi", glass(2), TOLD.encode(), label())


def scn(folder: Path) -> Path:
    return vendors.leica(folder / "a.scn", glass(3), TOLD.encode(), label())


def mrxs(folder: Path) -> Path:
    vendors.mirax(folder / "sent" / planted.NAME, glass(4), name=TOLD.encode(), label=label())
    return zipped(folder, "m.zip")


def one_dicom(folder: Path) -> Path:
    return dicom(folder / "a.dcm", glass(5), _DICOM, preamble=TOLD.encode())


def dicom_series(folder: Path) -> Path:
    inside = folder / "sent" / planted.NAME
    inside.mkdir(parents=True)
    for number, (flavour, pixels) in enumerate((("VOLUME", glass(6)), ("LABEL", label()), ("OVERVIEW", label())), 1):
        dicom(inside / f"{PATIENT}-{number}.dcm", pixels, _DICOM, number=number, flavour=flavour)
    return zipped(folder, "d.zip")


def ome(folder: Path) -> Path:
    said = quoteattr(TOLD)
    xml = ('<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
           f'Creator={said}><Experimenter ID="Experimenter:0" LastName={said} Institution={quoteattr(WHERE)}/>'
           f'<Image ID="Image:0" Name={said}><Description>{TOLD}</Description><Pixels ID="Pixels:0" BigEndian="false" '
           f'DimensionOrder="XYCZT" Type="uint8" SizeX="{WIDTH}" SizeY="{HEIGHT}" SizeC="3" SizeZ="1" SizeT="1" '
           'PhysicalSizeX="0.5" PhysicalSizeY="0.5"><Channel ID="Channel:0:0" SamplesPerPixel="3"/>'
           f'<TiffData IFD="0" PlaneCount="1"><UUID FileName={said}>urn:uuid:1</UUID></TiffData></Pixels></Image>'
           f'<StructuredAnnotations><XMLAnnotation ID="Annotation:0"><Value><Patient BirthDate="1897-06-13">{TOLD}'
           "</Patient></Value></XMLAnnotation></StructuredAnnotations></OME>")
    path = folder / "a.ome.tif"
    tifffile.imwrite(path, glass(7), photometric="rgb", tile=(256, 256), compression="deflate", metadata=None,
                     description=xml.encode(), software=TOLD.encode())
    return path


def bigtiff(folder: Path) -> Path:
    """With the name in every text that a TIFF may have, in two of a maker's own, and as a further page."""
    tags = [(tag, 2, 0, TOLD.encode() + b"\0", True) for tag in (269, 271, 272, 285, 315, 316, 33432, 65000)]
    tags += [(tag, 7, None, TOLD.encode(), True) for tag in (700, 33723, 34377, 65001)]
    path, pixels = folder / "big.tif", glass(8)
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        for step in (1, 2):
            file.write(np.ascontiguousarray(pixels[::step, ::step]), subfiletype=step > 1, photometric="rgb",
                       tile=(256, 256), compression="deflate", metadata=None, description=TOLD.encode(),
                       software=TOLD.encode(), resolution=(20_000 / step, 20_000 / step), resolutionunit="CENTIMETER",
                       extratags=tags)
        file.write(label(), photometric="rgb", metadata=None, description=f"label {TOLD}".encode())
    return path


KINDS: dict[str, Callable[[Path], Path]] = {
    "svs": svs, "ndpi": ndpi, "scn": scn, "mrxs": mrxs, "dicom": one_dicom, "dicom-series": dicom_series, "ome": ome,
    "bigtiff": bigtiff}


def broken(folder: Path) -> dict[str, bytes]:
    """Files whose fault lies where the name stands: a library that tells of it may quote it."""
    made = {kind: KINDS[kind](folder_of(folder, kind)).read_bytes() for kind in ("scn", "ome", "dicom", "svs")}
    name = planted.NAME.encode()
    ini = b"[GENERAL]\n" + TOLD.encode() + b"\n" + bytes(3)
    vendors.mirax(folder / "mirax" / "sent", glass(4), name=name)
    (folder / "mirax" / "sent" / "slide" / "Slidedat.ini").write_bytes(ini)
    return {
        "bad.scn": made["scn"].replace(b"<barcode>", b"<&code>"), "bad.ome.tif": made["ome"].replace(b"<OME", b"<OM&"),
        "bad.dcm": made["dicom"].replace(b"0.000500", b"x.%ss500"), "cut.svs": made["svs"][: len(made["svs"]) // 3],
        "bad.zip": zipped(folder / "mirax", "bad.zip").read_bytes(), "names.zip": _two_names(made["dicom"]),
    }


def _two_names(data: bytes) -> bytes:
    """A ZIP in which the name of its file stands in two ways."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{planted.NAME}.dcm", data)
    return buffer.getvalue().replace(planted.NAME.encode(), b"X" + planted.NAME.encode()[1:], 1)


def folder_of(folder: Path, kind: str) -> Path:
    made = folder / kind
    made.mkdir(parents=True)
    return made


def zipped(folder: Path, name: str) -> Path:
    """All that lies in `folder/sent`, under its own names."""
    path, inside = folder / name, folder / "sent"
    with zipfile.ZipFile(path, "w") as archive:
        for one in sorted(inside.rglob("*")):
            if one.is_file():
                archive.write(one, one.relative_to(inside))
    return path
