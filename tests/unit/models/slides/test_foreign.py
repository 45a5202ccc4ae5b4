"""Slides of every kind are opened with their pixels and pixel size; what is no slide is told in a sentence."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from models.imaging.errors import Unreadable
from models.slides.foreign import open_foreign
from models.slides.keep import keep
from models.slides.kept import KeptSlide
from models.slides.limits import SlideLimits
from models.slides.slide import Slide, believable
from models.slides.unpack import unpack
from models.spec import Pixels
from tests.unit.models.slides.made import painted
from tests.unit.models.slides.vendors import NAME, Page, aperio, hamamatsu, leica, mirax, write_tiff

LIMITS = SlideLimits()
WIDTH, HEIGHT = 1304, 1104
PAINTED = painted(WIDTH, HEIGHT)


def ome(path: Path, pixels: Pixels, **changes: object) -> Path:
    """An OME-TIFF with the name in its description."""
    told = {"Name": NAME.decode(), "PhysicalSizeX": 250.0, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 250.0,
            "PhysicalSizeYUnit": "nm", "axes": "YXS"}  # fmt: skip
    options = {"photometric": "rgb", "tile": (256, 256), "compression": "deflate", "metadata": told, **changes}
    tifffile.imwrite(path, pixels, ome=True, **options)  # type: ignore[arg-type]
    return path


def ome_by_colour(path: Path, pixels: Pixels) -> Path:
    """Three pages, one per colour, as Bio-Formats writes them: openslide sees the first only."""
    told = {"PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25, "axes": "CYX", "Description": NAME.decode()}
    return ome(path, pixels.transpose(2, 0, 1), photometric="minisblack", metadata=told)


def ome_in_strips(path: Path, pixels: Pixels) -> Path:
    """A pyramid whose levels are not tiled."""
    told = {"PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25, "axes": "YXS", "Description": NAME.decode()}
    with tifffile.TiffWriter(path, ome=True) as tiff:
        tiff.write(pixels, photometric="rgb", rowsperstrip=16, subifds=1, metadata=told, compression="deflate")
        tiff.write(pixels[::2, ::2], photometric="rgb", rowsperstrip=16, subfiletype=1, compression="deflate")
    return path


def pyramid(path: Path, pixels: Pixels) -> Path:
    """A tiled TIFF of no vendor, big-endian, with a predictor."""
    options = {"photometric": "rgb", "tile": (240, 224), "compression": "deflate", "predictor": True}
    with tifffile.TiffWriter(path, byteorder=">", bigtiff=True) as tiff:
        for step in (1, 2, 4):
            tiff.write(
                pixels[::step, ::step], subfiletype=step > 1, resolution=(40_000 / step, 40_000 / step),
                resolutionunit="CENTIMETER", description=NAME.decode(), metadata=None, **options,  # type: ignore[arg-type]
            )  # fmt: skip
    return path


MAKERS: dict[str, Callable[[Path], Path]] = {
    "aperio": lambda folder: aperio(folder / "a.svs", PAINTED),
    "leica": lambda folder: leica(folder / "a.scn", PAINTED),
    "hamamatsu": lambda folder: hamamatsu(folder / "a.ndpi", PAINTED),
    "mirax": lambda folder: mirax(folder, PAINTED),
    "ome": lambda folder: ome(folder / "a.ome.tiff", PAINTED),
    "ome-by-colour": lambda folder: ome_by_colour(folder / "a.ome.tiff", PAINTED),
    "ome-in-strips": lambda folder: ome_in_strips(folder / "a.ome.tif", PAINTED),
    "pyramid": lambda folder: pyramid(folder / "a.tif", PAINTED),
}


def refusal(path: Path, limits: SlideLimits = LIMITS) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        open_foreign(path, limits)
    assert caught.value.message.endswith(".")
    assert str(path.parent) not in caught.value.message
    return caught.value


def keep_quietly(slide: Slide, path: Path) -> Path:
    keep(slide, path, lambda done, total: None)
    return path


@pytest.mark.parametrize("kind", MAKERS)
def test_a_slide_of_every_kind_is_kept_with_its_pixels_and_no_name(tmp_path: Path, kind: str) -> None:
    (tmp_path / "sent").mkdir()
    sent = MAKERS[kind](tmp_path / "sent")
    assert any(NAME in file.read_bytes() for file in sent.parent.rglob("*") if file.is_file())
    with open_foreign(sent, LIMITS) as slide:
        assert slide.um_per_px == pytest.approx(0.25)
        assert np.abs(slide.region(0, 0, 0, WIDTH, HEIGHT).astype(int) - PAINTED).mean() < 1
        assert (slide.region(0, -20, -30, 10, 10) == 255).all()
        kept = keep_quietly(slide, tmp_path / "kept.tiff")
    assert NAME not in kept.read_bytes()
    with KeptSlide(kept) as slide:
        assert slide.um_per_px == pytest.approx(0.25, abs=1e-5)
        assert np.abs(slide.region(0, 0, 0, WIDTH, HEIGHT).astype(int) - PAINTED).mean() < 2


@pytest.mark.datasets
def test_real_slides_are_kept_without_what_their_headers_say(datasets: Path, tmp_path: Path) -> None:
    said = {"cmu-1-small-region.svs": (b"CMU-1", b"Aperio", b"b414003d"), "boxes.tiff": (),
            "sm_image.dcm": (b"Test^Patient", b"AA01", b"S19-1_A", b"Physician", b"1.2.826")}  # fmt: skip
    sizes = {"cmu-1-small-region.svs": (2220, 2967, 0.499), "boxes.tiff": (300, 250, None),
             "sm_image.dcm": (50, 50, 0.499)}  # fmt: skip
    for name, words in said.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_bytes((datasets / "wsi" / name).read_bytes())
        with open_foreign(folder / name, LIMITS) as slide:
            assert (slide.width, slide.height, slide.um_per_px) == sizes[name]
            kept = keep_quietly(slide, tmp_path / "kept.tiff").read_bytes()
        assert all(word in (folder / name).read_bytes() and word not in kept for word in words)


@pytest.mark.parametrize(
    ("across", "down", "told"),
    [(0.25, 0.25, 0.25), (0.25, 0.2549, 0.25245), (0.25, 0.256, None), (352.8, 352.8, None), (0.04, 0.04, None),
     (float("nan"), 0.25, None), (0.25, float("nan"), None), (None, 0.25, None), (-0.25, -0.25, None)],
)  # fmt: skip
def test_only_a_believable_pixel_size_is_believed(across: float | None, down: float | None, told: float | None) -> None:
    assert believable(across, down) == (told if told is None else pytest.approx(told))


@pytest.mark.parametrize("said", ["", "0", "nan", "1e400", "352", "hello"])
def test_an_absurd_pixel_size_in_the_file_is_not_told(tmp_path: Path, said: str) -> None:
    with open_foreign(aperio(tmp_path / "a.svs", PAINTED[:300, :300], said), LIMITS) as slide:
        assert slide.um_per_px is None


OTHERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "text": (lambda path: path.write_text("Dear colleague,\n" * 900), "not a slide"),
    "nothing": (lambda path: path.write_bytes(b""), "empty"),
    "photo": (lambda path: Image.fromarray(PAINTED).save(path, "JPEG"), "as an image"),
    "png": (lambda path: Image.fromarray(PAINTED).save(path, "PNG"), "as an image"),
    "photo in a TIFF": (lambda path: Image.fromarray(PAINTED).save(path, "TIFF"), "as an image"),
    "16 bits": (lambda path: ome(path, PAINTED.astype(np.uint16)), "more than 8 bits"),
    "numbers": (lambda path: ome(path, PAINTED.astype(np.float32)), "measured values"),
    "fluorescence": (
        lambda path: ome(path, np.zeros((5, 600, 600), np.uint8), photometric="minisblack", metadata={"axes": "CYX"}),
        "5 colour channels",
    ),
    "zeros": (lambda path: path.write_bytes(b"II\x2a\0\x08\0\0\0" + bytes(4000)), "damaged"),
    "a circle": (lambda path: path.write_bytes(circle()), "damaged"),
}


def circle() -> bytes:
    """A directory that follows itself."""
    return b"II\x2a\0\x08\0\0\0" + struct.pack("<HHHII", 1, 256, 4, 1, 9) + struct.pack("<I", 8)


@pytest.mark.parametrize("what", OTHERS)
def test_what_is_no_slide_is_refused_whatever_its_name(tmp_path: Path, what: str) -> None:
    make, words = OTHERS[what]
    for name in ("a.svs", "a.ome.tiff"):
        make(tmp_path / name)
        assert words in refusal(tmp_path / name).message


def test_a_file_of_thousands_of_pages_is_refused(tmp_path: Path) -> None:
    one = Page(pixels=PAINTED[:8, :8])
    assert refusal(write_tiff(tmp_path / "a.tiff", *[one] * 1100)).code == "too-many-pages"


@pytest.mark.parametrize(
    "limits",
    [SlideLimits(max_side=1000), SlideLimits(max_pixels=1_000_000), SlideLimits(max_bytes=5000)],
    ids=["side", "pixels", "bytes"],
)
@pytest.mark.parametrize("kind", ["aperio", "ome", "mirax"])
def test_a_slide_over_a_limit_is_refused_from_its_header(tmp_path: Path, kind: str, limits: SlideLimits) -> None:
    assert refusal(MAKERS[kind](tmp_path), limits).code in ("too-many-pixels", "too-many-bytes")


def test_a_small_file_that_claims_gigapixels_is_refused(tmp_path: Path) -> None:
    """All tiles of one place: 32 gigapixels in a megabyte."""
    side, tile = 180_000, 4096
    count = (-(-side // tile)) ** 2
    tags = {
        256: (4, (side,)), 257: (4, (side,)), 322: (4, (tile,)), 323: (4, (tile,)),
        324: (4, (8.0,) * count), 325: (4, (100.0,) * count), 270: (2, b"Aperio Image Library\0"),
    }  # fmt: skip
    path = write_tiff(tmp_path / "a.svs", Page(pixels=PAINTED[:256, :256], tags=tags))  # type: ignore[arg-type]
    assert refusal(path).code == "too-many-pixels"


def test_a_slide_in_one_giant_piece_is_refused(tmp_path: Path) -> None:
    """It would be decoded whole for every tile: 3.6 GB."""
    tags = {256: (4, (30_000,)), 257: (4, (30_000,)), 322: (4, (30_000,)), 323: (4, (30_000,))}
    said = {270: (2, b"Aperio Image Library\0")}
    path = write_tiff(tmp_path / "a.svs", Page(pixels=PAINTED[:256, :256], tags={**tags, **said}))  # type: ignore[arg-type]
    assert "small pieces" in refusal(path).message


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6])
@pytest.mark.parametrize("kind", ["aperio", "hamamatsu", "leica", "ome", "ome-in-strips", "pyramid"])
def test_a_slide_that_is_cut_off_is_refused(tmp_path: Path, kind: str, share: float) -> None:
    path = MAKERS[kind](tmp_path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert refused_while_kept(path, tmp_path).code in ("broken", "truncated")


@pytest.mark.parametrize("kind", ["aperio", "hamamatsu", "leica", "mirax", "ome", "ome-by-colour", "pyramid"])
def test_a_slide_that_is_damaged_in_the_middle_says_where(tmp_path: Path, kind: str) -> None:
    path = MAKERS[kind](tmp_path)
    hurt = path.with_suffix("") / "Data0000.dat" if kind == "mirax" else path
    data = bytearray(hurt.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = b"\xff\x00\x07" * 1000
    hurt.write_bytes(data)
    error = refused_while_kept(path, tmp_path)
    assert error.code == "broken"
    assert "damaged near pixel" in error.message


def refused_while_kept(path: Path, folder: Path) -> Unreadable:
    with pytest.raises(Unreadable) as caught, open_foreign(path, LIMITS) as slide:
        keep_quietly(slide, folder / "kept.tiff")
    assert not (folder / "kept.tiff").exists()
    assert not (folder / "kept.part").exists()
    return caught.value


@pytest.mark.parametrize("outside", ["../other.dat", "/etc/passwd", "..\\other.dat"])
def test_a_slide_that_names_files_outside_its_folder_is_refused(tmp_path: Path, outside: str) -> None:
    path = mirax(tmp_path, PAINTED, data_file=outside)
    (tmp_path / "other.dat").write_bytes((tmp_path / "slide/Data0000.dat").read_bytes())
    assert "outside its own folder" in refusal(path).message


def test_places_where_a_scanner_stored_nothing_are_white(tmp_path: Path) -> None:
    path = aperio(tmp_path / "a.svs", PAINTED[:512, :512])
    with tifffile.TiffFile(path) as tiff:
        at = tiff.pages[0].tags[325].valueoffset
    data = bytearray(path.read_bytes())
    data[at : at + 4] = bytes(4)
    path.write_bytes(data)
    with open_foreign(path, LIMITS) as slide:
        assert (slide.region(0, 0, 0, 256, 256) == 255).all()
        assert (slide.region(0, 256, 256, 256, 256) != 255).any()


def test_what_a_library_says_of_a_header_is_not_passed_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """openslide quotes the line that it cannot read, and zipfile a name that stands there in two ways."""
    caplog.set_level("DEBUG", "models")
    path = mirax(tmp_path, PAINTED)
    (tmp_path / "slide" / "Slidedat.ini").write_bytes(b"[GENERAL]\n" + NAME + b"\n")
    assert NAME.decode() not in refusal(path).message
    zipped, folder = tmp_path / "sent.zip", tmp_path / "unpacked"
    folder.mkdir()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr(f"{NAME.decode()}.svs", b"II")
    zipped.write_bytes(zipped.read_bytes().replace(NAME, b"x" * len(NAME), 1))
    with pytest.raises(Unreadable):
        unpack(zipped, folder, LIMITS)
    assert len(caplog.records) == 2
    assert NAME.decode() not in caplog.text
