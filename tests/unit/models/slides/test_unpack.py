"""A slide's folder comes out of its ZIP, and nothing else does: not outside, not endless, not hidden."""

from __future__ import annotations

import stat
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.imaging.errors import Unreadable
from models.slides.limits import SlideLimits
from models.slides.unpack import unpack

LIMITS = SlideLimits(max_bytes=5_000_000)
DICOM = bytes(128) + b"DICM"


def packed(folder: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    path = folder / "sent.zip"
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def unpacked(path: Path) -> Path:
    folder = path.parent / "unpacked"
    folder.mkdir()
    return unpack(path, folder, LIMITS)


def refusal(path: Path) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        unpacked(path)
    return caught.value


def test_the_folder_of_a_slide_is_written_and_its_main_file_named(tmp_path: Path) -> None:
    files = {"case 7/a.mrxs": b"\xff\xd8", "case 7/a/Slidedat.ini": b"[GENERAL]", "case 7/a/Data0000.dat": b"7" * 9}
    main = unpacked(packed(tmp_path, files))
    assert main == tmp_path / "unpacked/case 7/a.mrxs"
    assert (main.parent / "a/Data0000.dat").read_bytes() == b"7" * 9


def test_of_a_dicom_series_the_largest_instance_is_opened_whatever_the_names(tmp_path: Path) -> None:
    files = {"DICOM/IM0": DICOM, "DICOM/IM1": DICOM + bytes(99), "DICOM/IM2": DICOM + bytes(9), "README": b"x" * 999}
    assert unpacked(packed(tmp_path, files)).name == "IM1"


def test_what_macos_and_windows_add_is_left_out(tmp_path: Path) -> None:
    files = {"a.svs": b"II", "__MACOSX/._a.svs": b"x", ".DS_Store": b"x", "Thumbs.db": b"x"}
    assert unpacked(packed(tmp_path, files)).parent == tmp_path / "unpacked"
    assert [path.name for path in (tmp_path / "unpacked").iterdir()] == ["a.svs"]


@pytest.mark.parametrize("name", ["../a.svs", "/etc/a.svs", "b/../../a.svs", "..\\a.svs", "C:/a.svs"])
def test_a_name_that_leads_out_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    assert "lead out" in refusal(packed(tmp_path, {"ok.svs": b"II", name: b"II"})).message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sent.zip", "unpacked"]
    assert not list((tmp_path / "unpacked").iterdir())


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    entry = zipfile.ZipInfo("a.svs")
    entry.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "sent.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    assert "links" in refusal(tmp_path / "sent.zip").message


def test_a_bomb_is_refused_by_what_it_declares(tmp_path: Path) -> None:
    bomb = packed(tmp_path, {"a.svs": bytes(4_000_000)}, zipfile.ZIP_DEFLATED)
    assert "far more" in refusal(bomb).message


def test_more_bytes_than_are_accepted_are_refused(tmp_path: Path) -> None:
    packed(tmp_path, {"a.svs": bytes(3_000_000), "b.dat": bytes(3_000_000)})
    assert refusal(tmp_path / "sent.zip").code == "too-many-bytes"


def test_a_file_that_unpacks_to_more_than_it_declared_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path, {"a.svs": bytes(100_000)}, zipfile.ZIP_DEFLATED)
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", 100_000), struct.pack("<I", 1_000)))
    assert refusal(path).code == "broken"
    assert sum(file.stat().st_size for file in (tmp_path / "unpacked").rglob("*") if file.is_file()) <= 1_000


def test_an_archive_in_an_archive_is_refused(tmp_path: Path) -> None:
    inner = packed(tmp_path, {"a.svs": b"II"}).read_bytes()
    assert "another archive" in refusal(packed(tmp_path, {"inner.dat": inner})).message


def test_thousands_of_files_are_refused_from_the_index(tmp_path: Path) -> None:
    assert "more than" in refusal(packed(tmp_path, {f"{n}.dat": b"" for n in range(5_001)})).message


@pytest.mark.parametrize("files", [{"a.txt": b"x"}, {}])
def test_a_zip_without_a_slide_says_so(tmp_path: Path, files: dict[str, bytes]) -> None:
    assert refusal(packed(tmp_path, files)).code in ("not-a-slide", "broken")


def test_a_name_cannot_be_file_and_folder(tmp_path: Path) -> None:
    assert "folder of one name" in refusal(packed(tmp_path, {"a.svs": b"II", "a.svs/b": b"x"})).message


def test_two_slides_in_one_zip_are_refused(tmp_path: Path) -> None:
    assert "several slides" in refusal(packed(tmp_path, {"a.mrxs": b"x", "b.mrxs": b"x"})).message


def test_a_damaged_file_in_a_zip_is_told(tmp_path: Path) -> None:
    path = packed(tmp_path, {"a.svs": b"II-these-bytes-change"})
    path.write_bytes(path.read_bytes().replace(b"these", b"those"))
    assert refusal(path).code == "broken"


def test_what_progress_raises_stops_it(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        assert (done, total) == (2, 2)
        raise KeyboardInterrupt

    path = packed(tmp_path, {"a.svs": b"II"})
    (tmp_path / "unpacked").mkdir()
    with pytest.raises(KeyboardInterrupt):
        unpack(path, tmp_path / "unpacked", LIMITS, stop)


@given(st.integers(0, 400), st.binary(min_size=1, max_size=30))
def test_a_zip_with_any_bytes_changed_is_unpacked_or_refused(
    tmp_path_factory: pytest.TempPathFactory, at: int, other: bytes
) -> None:
    folder = tmp_path_factory.mktemp("changed")
    path = packed(folder, {"a.svs": b"II" * 40, "b/c.dat": b"7" * 90}, zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    data[at : at + len(other)] = other
    path.write_bytes(data)
    try:
        main = unpacked(path)
    except Unreadable:
        return
    assert main.is_relative_to(folder / "unpacked")
