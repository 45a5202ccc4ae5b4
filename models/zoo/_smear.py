"""What the leukemia systems share before the network: one size, one range, and no scale bar."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.spec import Pixels

SIDE = 224
CORNER = 36
"""Pixels hidden at the bottom right: the widest scale bar of the data set ("500 pi") begins 31 pixels from
the right edge and 30 from the bottom one; JPEG carries its edge a little further."""


def corner_of(side: int) -> int:
    """The hidden corner's side in a field of `side` pixels, never less than its share."""
    return -(-CORNER * side // SIDE)


def as_input(field: Pixels) -> NDArray[np.float32]:
    """(side, side, 3) bytes to (1, 3, side, side) in [-1, 1], mean = std = 0.5, scale-bar corner at 0."""
    image = field.astype(np.float32).transpose(2, 0, 1)[None] / np.float32(127.5) - np.float32(1)
    hidden = corner_of(field.shape[0])
    image[:, :, -hidden:, -hidden:] = 0
    return np.ascontiguousarray(image)
