"""The import folder: images in the folders below `case-<number>`. Nothing is ever changed or deleted there."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

log = logging.getLogger("portal.slides")

EXTENSIONS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
MOST_FOLDERS, MOST_IMAGES = 100, 5000


def list_folders(root: Path | None, case_id: int) -> list[tuple[str, int]]:
    """The folders of a case that hold images, with their number. Links and hidden ones are passed over."""
    if root is None:
        return []
    folders = sorted(one.name for one in entries(root, case_id) if one.is_dir(follow_symlinks=False))
    counted = ((name, len(list_images(root, case_id, name))) for name in folders[:MOST_FOLDERS])
    return [(name, number) for name, number in counted if number]


def list_images(root: Path, case_id: int, folder: str) -> list[str]:
    """Names of the images in one folder of a case; nothing for one that is not there. Slides are no images."""
    if folder not in {one.name for one in entries(root, case_id) if one.is_dir(follow_symlinks=False)}:
        return []
    names = (one.name for one in entries(root, case_id, folder) if one.is_file(follow_symlinks=False))
    return sorted(name for name in names if name.lower().endswith(EXTENSIONS))[:MOST_IMAGES]


def read_image(root: Path, case_id: int, folder: str, name: str, most: int) -> bytes:
    """A file's bytes, no more than one above `most`: then it is too large. Raises FileNotFoundError."""
    if name not in list_images(root, case_id, folder):
        raise FileNotFoundError(name)
    with (root / f"case-{case_id}" / folder / name).open("rb") as file:
        return file.read(most + 1)


def entries(root: Path, case_id: int, below: str = "") -> Iterator[os.DirEntry[str]]:
    """What lies in the folder of a case, or in one below it, that is no link.

    Passed over: what is hidden, a folder that may not be read, and names that are no UTF-8, which neither a page nor a
    database can hold.
    """
    folder = root / f"case-{case_id}" / below
    try:
        if folder.is_symlink() or not folder.is_dir():
            return
        with os.scandir(folder) as found:
            listed = list(found)
    except OSError as problem:
        log.warning("the import folder's folder of case %d cannot be read: %s", case_id, problem.strerror)
        return
    yield from (one for one in listed if not one.name.startswith(".") and _is_text(one.name))


def _is_text(name: str) -> bool:
    """Bytes of a name that are no UTF-8 come as lone surrogates."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)
