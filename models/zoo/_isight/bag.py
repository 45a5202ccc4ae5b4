"""A bag of tissue patches out of an image of any size, and the way back from patches to places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.spec import Layer, Micrograph, Pixels, Region

SIDE = 336
"""Pixels of a patch's side."""
MOST = 100
"""Patches of one bag."""
LEAST_TISSUE = 0.1
"""Share of a patch that must be tissue for it to stay."""
PALEST = 225
"""A pixel is tissue when its darkest channel is below this: stain takes light out of at least one."""
CELL = 8
"""Image pixels per place of a heat map; 336 is 42 of them."""
VIEWS = 9
TOLD = 5
"""Regions told of, at most."""


Size = tuple[int, int]
"""Width and height of an image or slide, in its pixels."""


@dataclass(frozen=True, kw_only=True)
class Patch:
    """One patch by its upper left corner in the image; what lies outside the image is white."""

    x: int
    y: int


@dataclass(frozen=True, kw_only=True)
class Bag:
    """The patches that are read of an image, row by row, and how many have tissue at all."""

    patches: tuple[Patch, ...]
    found: int


def bag_of(pixels: Pixels) -> Bag:
    """Every patch of the grid with enough tissue; of more than MOST, that many evenly spread."""
    return bag_from(tissue_shares(pixels))


def bag_from(shares: NDArray[np.float64]) -> Bag:
    """The same by the share of tissue in each patch of the grid (rows, columns)."""
    rows, columns = np.nonzero(shares >= LEAST_TISSUE)
    chosen = range(len(rows)) if len(rows) <= MOST else np.linspace(0, len(rows) - 1, MOST).astype(int)
    patches = tuple(Patch(x=int(columns[i]) * SIDE, y=int(rows[i]) * SIDE) for i in chosen)
    return Bag(patches=patches, found=len(rows))


def tissue_shares(pixels: Pixels) -> NDArray[np.float64]:
    """Share of tissue in each patch of the grid, shape (rows, columns); white padding counts as no tissue."""
    height, width = pixels.shape[:2]
    shares = np.zeros((-(-height // SIDE), -(-width // SIDE)))
    for row, column in np.ndindex(*shares.shape):
        part = pixels[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE]
        pale = (part[..., 0] >= PALEST) & (part[..., 1] >= PALEST) & (part[..., 2] >= PALEST)
        shares[row, column] = (pale.size - np.count_nonzero(pale)) / SIDE**2
    return shares


def cut(pixels: Pixels, patch: Patch) -> Pixels:
    """The patch as (336, 336, 3)."""
    part = pixels[patch.y : patch.y + SIDE, patch.x : patch.x + SIDE]
    if part.shape[:2] == (SIDE, SIDE):
        return np.ascontiguousarray(part)
    padded = np.full((SIDE, SIDE, 3), 255, dtype=np.uint8)
    padded[: part.shape[0], : part.shape[1]] = part
    return padded


def views_of(micrograph: Micrograph) -> list[Pixels]:
    """At most VIEWS patches for the gate, evenly spread, less their padding; the whole image where none has tissue.

    Narrow strips at the edge of the grid are left out where there is anything else: squashed to a square, they look
    like nothing.
    """
    pixels = micrograph.pixels
    chosen = viewed(bag_of(pixels).patches, (micrograph.width, micrograph.height))
    return [pixels[patch.y : patch.y + SIDE, patch.x : patch.x + SIDE] for patch in chosen] or [pixels]


def viewed(patches: tuple[Patch, ...], size: Size) -> list[Patch]:
    """The patches that the gate sees of an image or slide of this size; none where none has tissue."""
    wide = [one for one in patches if min(size[0] - one.x, size[1] - one.y) >= SIDE // 2]
    every = wide or list(patches)
    return [every[i] for i in np.linspace(0, len(every) - 1, min(VIEWS, len(every))).round().astype(int)]


def attention_layer(size: Size, patches: tuple[Patch, ...], weights: NDArray[np.float32]) -> Layer:
    """The attention of each patch (n,) laid on its place, the highest as 1."""
    canvas = _canvas(size)
    side = SIDE // CELL
    for patch, weight in zip(patches, weights / max(float(weights.max()), 1e-9), strict=True):
        canvas[patch.y // CELL :, patch.x // CELL :][:side, :side] = weight
    return Layer(name="heatmap", title="Which patches the answers lean on", kind="heat", values=canvas)


def evidence_layer(
    size: Size, patches: tuple[Patch, ...], evidence: NDArray[np.float32], name: str, answer: str
) -> Layer:
    """What each token position adds to an answer, (n, rows, columns), laid on its place; what speaks against is 0."""
    canvas = _canvas(size)
    side = SIDE // CELL
    for patch, values in zip(patches, evidence, strict=True):
        fine = np.asarray(Image.fromarray(values).resize((side, side), Image.Resampling.BILINEAR))
        place = canvas[patch.y // CELL :, patch.x // CELL :][:side, :side]
        place[...] = fine[: place.shape[0], : place.shape[1]]
    positive = np.maximum(canvas, 0)
    top = float(positive.max())
    values = positive / top if top > 0 else positive
    return Layer(name=name, title=f"What speaks for “{answer}”", kind="heat", values=values)


def regions(size: Size, patches: tuple[Patch, ...], weights: NDArray[np.float32]) -> tuple[Region, ...]:
    """The patches with the most attention, less their padding. `weights` (n,) sum to 1."""
    told = []
    for index in np.argsort(-weights, kind="stable")[:TOLD]:
        patch, weight = patches[index], float(weights[index])
        told.append(
            Region(
                x=patch.x, y=patch.y, width=min(SIDE, size[0] - patch.x),
                height=min(SIDE, size[1] - patch.y), value=weight, text=f"{weight:.0%} of the attention",
            )
        )
    return tuple(told)


def _canvas(size: Size) -> NDArray[np.float32]:
    return np.zeros((max(1, round(size[1] / CELL)), max(1, round(size[0] / CELL))), dtype=np.float32)
