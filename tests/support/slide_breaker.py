"""Opens and keeps slides of a folder one after the other, as the decoder of slides does; says so line by line.

`python -m tests.support.slide_breaker FOLDER FIRST LAST`: files are named by number, each in a folder of its own.
"""

from __future__ import annotations

import resource
import shutil
import sys
from pathlib import Path

from models.imaging.errors import Unreadable
from models.sandbox import confinement
from models.sandbox.slides import MOST_MEMORY
from models.slides.foreign import open_foreign
from models.slides.keep import keep
from models.slides.kept import KeptSlide
from models.slides.limits import SlideLimits
from models.slides.unpack import unpack

LIMITS = SlideLimits(max_bytes=20_000_000, max_pixels=20_000_000)


def main() -> None:
    folder, numbers = Path(sys.argv[1]), range(int(sys.argv[2]), int(sys.argv[3]))
    confinement.confine(files=False)
    most = confinement.address_space() + MOST_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    for number in numbers:
        print("begun", number, flush=True)
        try:
            told = _taken(next((folder / str(number)).iterdir()))
        except Unreadable as refused:
            told = refused.code if refused.message.endswith(".") else "no-sentence"
        except Exception as problem:  # what the worker would count as a failure that is not foreseen
            told = f"raised {type(problem).__name__}: {problem}".replace("\n", " ")
        print("ended", number, told, flush=True)


def _taken(sent: Path) -> str:
    beside = sent.parent / "work"
    target = sent.parent / "kept.tif"
    try:
        path = sent
        if sent.read_bytes()[:4] == b"PK\x03\x04":
            beside.mkdir()
            path = unpack(sent, beside, LIMITS)
        with open_foreign(path, LIMITS) as slide:
            keep(slide, target, lambda done, total: None)
            size = (slide.width, slide.height)
        with KeptSlide(target) as kept:
            assert (kept.width, kept.height) == size
        return "kept"
    finally:
        leftover = [path.name for path in sent.parent.glob("kept.*") if path.name != "kept.tif"]
        target.unlink(missing_ok=True)
        shutil.rmtree(beside, ignore_errors=True)
        assert not leftover


if __name__ == "__main__":
    main()
