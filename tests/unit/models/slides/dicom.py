"""DICOM whole slides, written tag by tag: one instance with whatever its header is to say of the patient."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from models.spec import Pixels

SIDE = 256
_WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
_PLAIN = "1.2.840.10008.1.2.1"
"""Explicit lengths, little endian, pixels as they are."""
_LONG = ("OB", "OW", "SQ", "UT", "UN")

Header = Mapping[tuple[int, int], tuple[str, str | bytes]]
"""Text by tag, with its kind (VR)."""


def dicom(path: Path, pixels: Pixels, header: Header, *, number: int = 1, flavour: str = "VOLUME",
          um_per_px: float = 0.5, preamble: bytes = b"") -> Path:
    """`flavour` is VOLUME for the slide, LABEL or OVERVIEW for the scanner's own pictures of the same series."""
    height, width = pixels.shape[:2]
    side = SIDE if flavour == "VOLUME" else max(height, width)
    frames = _frames(pixels, side if flavour == "VOLUME" else None)
    rows, columns = (side, side) if flavour == "VOLUME" else (height, width)
    uid = f"1.2.826.0.1.99.{number}"
    spacing = f"{um_per_px / 1000:.6f}\\{um_per_px / 1000:.6f}"
    measures = _item(_tag(0x0028, 0x9110, "SQ", _item(_tag(0x0018, 0x0050, "DS", "0.001")
                                                      + _tag(0x0028, 0x0030, "DS", spacing))))
    held = {
        (0x0008, 0x0008): ("CS", f"ORIGINAL\\PRIMARY\\{flavour}\\NONE"), (0x0008, 0x0016): ("UI", _WHOLE_SLIDE),
        (0x0008, 0x0018): ("UI", uid), (0x0008, 0x0060): ("CS", "SM"), (0x0020, 0x000D): ("UI", "1.2.826.0.1.99.7"),
        (0x0020, 0x000E): ("UI", "1.2.826.0.1.99.8"), (0x0020, 0x0013): ("IS", str(number)),
        (0x0020, 0x9311): ("CS", "TILED_FULL"), (0x0028, 0x0002): ("US", struct.pack("<H", 3)),
        (0x0028, 0x0004): ("CS", "RGB"), (0x0028, 0x0006): ("US", bytes(2)),
        (0x0028, 0x0008): ("IS", str(len(frames))), (0x0028, 0x0010): ("US", struct.pack("<H", rows)),
        (0x0028, 0x0011): ("US", struct.pack("<H", columns)), (0x0028, 0x0100): ("US", struct.pack("<H", 8)),
        (0x0028, 0x0101): ("US", struct.pack("<H", 8)), (0x0028, 0x0102): ("US", struct.pack("<H", 7)),
        (0x0028, 0x0103): ("US", bytes(2)), (0x0048, 0x0006): ("UL", struct.pack("<I", width)),
        (0x0048, 0x0007): ("UL", struct.pack("<I", height)), (0x0048, 0x0303): ("UL", struct.pack("<I", 1)),
        (0x0048, 0x0302): ("UL", struct.pack("<I", 1)), (0x5200, 0x9229): ("SQ", measures), **header,
    }  # fmt: skip
    meta = (_tag(2, 1, "OB", b"\0\1") + _tag(2, 2, "UI", _WHOLE_SLIDE) + _tag(2, 3, "UI", uid)
            + _tag(2, 0x10, "UI", _PLAIN) + _tag(2, 0x12, "UI", "1.2.826.0.1.99"))
    body = b"".join(_tag(*tag, kind, value) for tag, (kind, value) in sorted(held.items()))
    path.write_bytes(preamble.ljust(128, b"\0")[:128] + b"DICM" + _tag(2, 0, "UL", struct.pack("<I", len(meta)))
                     + meta + body + _tag(0x7FE0, 0x0010, "OB", b"".join(frames)))
    return path


def _frames(pixels: Pixels, side: int | None) -> list[bytes]:
    if side is None:
        return [pixels.tobytes()]
    height, width = pixels.shape[:2]
    found = []
    for y in range(0, height, side):
        for x in range(0, width, side):
            frame = np.full((side, side, 3), 255, np.uint8)
            part = pixels[y : y + side, x : x + side]
            frame[: part.shape[0], : part.shape[1]] = part
            found.append(frame.tobytes())
    return found


def _tag(group: int, element: int, kind: str, value: str | bytes) -> bytes:
    """One element; texts are filled up to an even length as their kind wants it."""
    raw = value if isinstance(value, bytes) else value.encode()
    if len(raw) % 2:
        raw += b" " if isinstance(value, str) and kind != "UI" else b"\0"
    head = struct.pack("<HH", group, element) + kind.encode()
    return head + (bytes(2) + struct.pack("<I", len(raw)) if kind in _LONG else struct.pack("<H", len(raw))) + raw


def _item(content: bytes) -> bytes:
    """A sequence's one item."""
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content
