"""Takes one slide apart: `python -m models.sandbox.slides FILE TARGET LIMITS`, with what is said in `TARGET.told`.

Scanners' files go through openslide, tifffile, libjpeg, OpenJPEG and more; whatever those do, they do it here.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.imaging.errors import Unreadable
from models.sandbox import confinement
from models.slides.foreign import open_foreign
from models.slides.keep import keep
from models.slides.limits import SlideLimits

MOST_MEMORY = 3 << 30
"""Bytes of address space beyond the start's: 256 MB of decoded pieces, one of up to 128 MB per core, and the tiles."""
TOLD, SUFFIX = "told", ".told"
_SAY_EVERY = 0.3
NEEDS_MEMORY = "This slide could not be read: decoding it needed too much memory. Please export a part of it."


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What a slide was, once it is kept."""

    width: int
    height: int
    um_per_px: float | None
    vendor: str


def main() -> None:
    path, target, limits = Path(sys.argv[1]), Path(sys.argv[2]), SlideLimits(**json.loads(sys.argv[3]))
    confinement.confine(files=False)
    most = confinement.address_space() + MOST_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    say = _saying(target)
    try:
        with open_foreign(path, limits) as slide:
            keep(slide, target, lambda done, total: say({"done": done, "total": total}, final=False))
            say({"slide": {"width": slide.width, "height": slide.height, "um_per_px": slide.um_per_px,
                           "vendor": slide.vendor}}, final=True)
    except Unreadable as problem:
        say({"unreadable": [problem.code, problem.message]}, final=True)
    except MemoryError:
        say({"unreadable": ["decoder-memory", NEEDS_MEMORY]}, final=True)


def told(target: Path) -> dict[str, Any]:
    """What was said last; nothing yet is an empty one."""
    try:
        said = json.loads(target.with_suffix(SUFFIX).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return said if isinstance(said, dict) else {}


def _saying(target: Path) -> Callable[..., None]:
    """Writes a message where `told` reads it, whole or not at all, and seldom enough."""
    last = -_SAY_EVERY

    def say(message: dict[str, Any], final: bool) -> None:
        nonlocal last
        if final or time.monotonic() - last >= _SAY_EVERY:
            last = time.monotonic()
            new = target.with_suffix(".saying")
            new.write_text(json.dumps(message), encoding="utf-8")
            new.replace(target.with_suffix(SUFFIX))

    return say


if __name__ == "__main__":
    main()
