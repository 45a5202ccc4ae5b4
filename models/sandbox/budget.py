"""How much time and memory decoding one picture may take, from what its header promises. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from models.imaging.container import Header

_MEGABYTE = 1_000_000
_LEAST_SECONDS, _SECONDS_PER_MEGAPIXEL = 3.0, 0.5
"""An ordinary picture takes 0.02 s per megapixel, a progressive JPEG that is decoded twice 0.1 s."""
_LEAST_MEMORY, _BYTES_PER_PIXEL, _COPIES = 64 * _MEGABYTE, 32, 4
"""The most hungry kind (WebP) takes 17 bytes per pixel; the file is there as sent, stripped and rebuilt."""
_WAITING_FACTOR = 3.0
"""Time on the clock per second of work: other programs want the cores too."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Of one picture, in one process."""

    seconds: float
    """Of work."""
    wall: float
    """Seconds on the clock, after which its process is killed whatever it waits for."""
    memory: int
    """Bytes of address space beyond what an idle process has."""
    output: int
    """Bytes of pixels that it may hand back."""


def budget_of(header: Header, size: int) -> Budget:
    """For a file of `size` bytes with this header."""
    pixels = header.width * header.height
    seconds = _LEAST_SECONDS + _SECONDS_PER_MEGAPIXEL * pixels / 1e6
    return Budget(seconds=seconds, wall=seconds * _WAITING_FACTOR, output=3 * pixels,
                  memory=_LEAST_MEMORY + _BYTES_PER_PIXEL * pixels + _COPIES * size)
