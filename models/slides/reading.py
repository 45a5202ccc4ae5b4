"""How a system reads a slide: a plan made once, parts that are read in any order and kept, and the answer from them."""

from __future__ import annotations

import io
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.slides.slide import Slide
from models.spec import Finding, Layer, Reading, Run

SLIDE_NOTE = "On whole slides nothing was measured: these are findings to look at, not a result to rely on."
_HEAD = "about"

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class SlidePlan:
    """What is to be read of a slide. The same slide has the same plan; a refused one has no parts."""

    width: int
    height: int
    um_per_px: float | None
    findings: tuple[Finding, ...]
    """Of the gate, or what refuses the slide; the first tells whether it is refused."""
    parts: int = 0
    arrays: Arrays = field(default_factory=dict)
    """What the system needs to know of the slide to read any part."""

    @property
    def is_refused(self) -> bool:
        return bool(self.findings) and self.findings[0].refuses

    def pack(self) -> bytes:
        """As bytes that `unpack_plan` reads."""
        about = {"width": self.width, "height": self.height, "um_per_px": self.um_per_px, "parts": self.parts,
                 "findings": [asdict(one) for one in self.findings]}
        return pack({_HEAD: np.frombuffer(json.dumps(about).encode(), np.uint8), **self.arrays})


@dataclass(frozen=True, kw_only=True)
class SlideReader:
    """`SLIDES` of a zoo module: what makes its system read slides."""

    plan: Callable[[Slide, float | None, Run], SlidePlan]
    """From a slide and the side of its pixel in µm, if that is known."""
    read_part: Callable[[Slide, SlidePlan, int, Run], bytes]
    """Of part 0 to `plan.parts - 1`: half a second to a second of work on one core."""
    combine: Callable[[SlidePlan, Mapping[int, bytes], Run], Reading]
    """From every part by its number."""


@dataclass(frozen=True, kw_only=True)
class SlideSystem:
    """A version of a system that reads slides, with its graphs at hand; `threads` parts are read at once."""

    reader: SlideReader
    run: Run
    threads: int

    def plan(self, slide: Slide, um_per_px: float | None) -> SlidePlan:
        return self.reader.plan(slide, um_per_px, self.run)

    def read(self, slide: Slide, plan: SlidePlan, numbers: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """The parts of these numbers, in their order.

        A number is taken when a thread will soon be free, so that whoever hands them out may stop at any time.
        """
        return in_turn(lambda number: self.reader.read_part(slide, plan, number, self.run), numbers, self.threads)

    def combine(self, plan: SlidePlan, parts: Mapping[int, bytes]) -> Reading:
        """The answer, of a refused plan too."""
        return refused(plan) if plan.is_refused else self.reader.combine(plan, parts, self.run)


def unpack_plan(packed: bytes) -> SlidePlan:
    arrays = unpack(packed)
    about = json.loads(arrays.pop(_HEAD).tobytes())
    findings = tuple(Finding(**one) for one in about.pop("findings"))
    return SlidePlan(**about, findings=findings, arrays=arrays)


def refused(plan: SlidePlan) -> Reading:
    """What is said of a slide that the plan refuses."""
    return Reading(outcome="refused", reason=plan.findings[0].message, findings=plan.findings)


def in_turn(work: Callable[[int], bytes], numbers: Iterable[int], threads: int) -> Iterator[tuple[int, bytes]]:
    """What `work` makes of each number, in their order, several being worked on at once."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="slide")
    begun: deque[tuple[int, Future[bytes]]] = deque()
    try:
        for number in numbers:
            begun.append((number, pool.submit(work, number)))
            if len(begun) > threads:
                first, waiting = begun.popleft()
                yield first, waiting.result()
        while begun:
            first, waiting = begun.popleft()
            yield first, waiting.result()
    finally:
        pool.shutdown(cancel_futures=True)


def pack(arrays: Arrays) -> bytes:
    """Arrays as the bytes of an `.npz`."""
    buffer = io.BytesIO()
    named: dict[str, Any] = dict(arrays)
    np.savez_compressed(buffer, **named)
    return buffer.getvalue()


def unpack(packed: bytes) -> dict[str, NDArray[Any]]:
    with np.load(io.BytesIO(packed), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def with_smaller(layer: Layer, least: int = 32) -> Layer:
    """A heat map with its halves: of all places that a cell of theirs lies over, the hottest stands for them."""
    smaller, values = [], layer.values
    while max(values.shape) > least:
        values = _halved(_halved(values, 0), 1)
        smaller.append(values)
    return Layer(name=layer.name, title=layer.title, kind=layer.kind, values=layer.values, legend=layer.legend,
                 smaller=tuple(smaller))


def _halved(values: NDArray[Any], axis: int) -> NDArray[Any]:
    """Half as many cells along an axis, rounded up, and all as wide: each size is stretched over the same slide.

    Of an odd number of places, cells share some: were the last cell narrower than the others, all would lie shifted.
    """
    places = values.shape[axis]
    cells = -(-places // 2)
    spans = [range(cell * places // cells, -(-(cell + 1) * places // cells)) for cell in range(cells)]
    return np.stack([values.take(span, axis).max(axis) for span in spans], axis)
