"""The images that choose stage 1's epoch: their nuclei, counted as serving counts them and compared as versions are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.spec import Micrograph, Nucleus, Pixels
from models.training.er.table import CLASSES
from models.training.er.tail import given_of
from models.training.protocol.compare_nuclei import NONE, matched, reach_of
from models.zoo._er import tiles
from models.zoo._er.nuclei import count_nuclei
from models.zoo._er.read import placed
from models.zoo.er import SPEC, at_scale

NAMES = (NONE, *CLASSES)
LARGEST = 736
"""Side in pixels of the network up to which an image is looked at: sixteen tiles, 8 MB of what the tail is given."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """One image, or the part of a large one around its reader's middle nucleus."""

    micrograph: Micrograph
    pixels: Pixels
    """As the network reads it."""
    given: Sequence[Tensor]
    """What the tail is given of each tile, in the order in which `segment` asks for them."""
    nuclei: tuple[Nucleus, ...]
    """The reader's."""


def held_of(network: Any, micrograph: Micrograph, nuclei: Sequence[Nucleus]) -> Held:
    """An image with at least one nucleus, through all that does not change."""
    part, mine = window(micrograph, nuclei)
    pixels, given = at_scale(part), []

    def see(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        given.append(given_of(network, torch.from_numpy(batch)))
        return np.zeros((len(batch), tiles.CLASSES, tiles.SIDE, tiles.SIDE), np.float32)

    tiles.segment(pixels, see)
    return Held(micrograph=part, pixels=pixels, given=given, nuclei=mine)


def window(micrograph: Micrograph, nuclei: Sequence[Nucleus]) -> tuple[Micrograph, tuple[Nucleus, ...]]:
    """At most LARGEST pixels of the network a side, around the nucleus nearest to the middle of all, and its nuclei."""
    assert SPEC.scale is not None
    size = micrograph.um_per_px
    side = int(LARGEST * (SPEC.scale.wanted / size if size else 1))
    places = np.array([(one.x, one.y) for one in nuclei])
    middle = places[np.abs(places - np.median(places, axis=0)).sum(axis=1).argmin()]
    left, top = (min(max(0, int(at) - side // 2), max(0, length - side))
                 for at, length in zip(middle, (micrograph.width, micrograph.height), strict=True))
    part = Micrograph(pixels=micrograph.pixels[top : top + side, left : left + side], um_per_px=size)
    moved = (Nucleus(x=one.x - left, y=one.y - top, label=one.label) for one in nuclei)
    return part, tuple(one for one in moved if 0 <= one.x < part.width and 0 <= one.y < part.height)


@torch.no_grad()
def met(tail: nn.Module, held: Held) -> NDArray[np.int64]:
    """How often the reader's class (rows) met the tail's (columns), none first."""
    waiting = iter(held.given)
    classes = tiles.segment(held.pixels, lambda _: torch.softmax(tail(next(waiting).float()), dim=1).numpy())
    return matched(held.nuclei, placed(count_nuclei(classes), held.micrograph), NAMES,
                   reach_of(SPEC, held.micrograph.um_per_px))
