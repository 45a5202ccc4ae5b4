"""What the audit says of a file: never its name, which may be a patient's."""

from __future__ import annotations

from pathlib import PurePath

KINDS = frozenset((
    "bif", "bmp", "czi", "dcm", "gif", "heic", "jp2", "jpeg", "jpg", "mrxs", "ndpi", "pdf", "png", "scn", "svs",
    "svslide", "tif", "tiff", "vms", "vmu", "webp", "zip"))
SUM_LENGTH = 16
"""Hexadecimal digits of a file's sha256: enough to know a file again that somebody has."""


def facts(name: str, size: int, sha256: str = "") -> dict[str, str | int]:
    """Kind by its ending where that is a known one (what else stands behind a dot may be a name), size in bytes, and
    the beginning of its sha256 where the whole file was there.
    """
    ending = PurePath(name).suffix.removeprefix(".").lower()
    told: dict[str, str | int] = {"kind": ending if ending in KINDS else "other", "size": size}
    return {**told, "sha256": sha256[:SUM_LENGTH]} if sha256 else told
