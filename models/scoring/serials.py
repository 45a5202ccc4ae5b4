"""Serial and group of a pancreas image from its file name: `S-3602-10X_Image001_ch00.tif` is `S-3602-01`. Pure.

They are shown and group a training split. They never identify an image: two patients' files may share a name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath

_NAME = re.compile(
    r"(S-[0-9]{1,12})-10x_Image[0-9]{0,9}([0-9]{2})(?:_RAW)?_ch[0-9]{2}(?:\.[a-z]{1,5})?", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class Serial:
    """Which field of which specimen an image shows."""

    serial: str
    """The specimen and the last two digits of the image's number, such as S-3602-01."""
    group: str
    """The specimen, such as S-3602."""


def parse_serial(file_name: str) -> Serial | None:
    """Serial and group of a file's name (a folder in front is ignored), or None where the name is another kind."""
    name = PurePosixPath(PureWindowsPath(file_name).name).name
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    group = found[1].upper()
    return Serial(serial=f"{group}-{found[2]}", group=group)
