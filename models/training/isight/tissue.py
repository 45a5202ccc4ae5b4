"""Real tissue with known nuclei, its DAB taken away: the canvas that stained images are drawn on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_dilation, gaussian_filter
from skimage.measure import label
from skimage.segmentation import expand_labels

from models.imaging.stains import light_of, optical_density, stain_matrix
from models.spec import Pixels
from models.training.protocol.splits import decode

Floats = NDArray[np.float32]
Marks = NDArray[np.int32]

LEVELS = (1.0, 0.7, 0.5, 0.35, 0.2)
"""Sizes that every canvas is kept at, as shares of its own."""
BORDER, REACH = 3, 11
"""Pixels of the source by which a nucleus covers its drawn border, and a cell surrounds its nucleus."""
BROWN = 0.25
"""Decadic density of DAB above which what lies below it is not to be trusted."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """One canvas at one size: `density` (h, w, 3) of the counterstain, `nuclei`, `cells` and `rims` (h, w).

    `nuclei` and `cells` hold the number of the cell from 1, or 0; `rims` marks the outline of a cell.
    """

    density: Floats
    nuclei: Marks
    cells: Marks
    rims: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Canvas:
    """One source image without its DAB, at several sizes."""

    name: str
    count: int
    """How many cells it has."""
    levels: tuple[Level, ...]


def list_sources(folder: Path) -> list[Path]:
    """Every Ki-67 image that has a nucleus mask, in order."""
    masks = sorted((folder / "ihc" / "deepliif_ki67").glob("*_mask.png"))
    if not masks:
        raise FileNotFoundError(f"no Ki-67 images with masks below {folder}; set PORTAL_DATASETS or --data")
    return [mask.with_name(mask.name.replace("_mask", "")) for mask in masks]


def load_canvas(path: Path) -> Canvas:
    """The canvas of one source and its mask: red stained, blue unstained, green outlines."""
    pixels, mask = decode(path), decode(path.with_name(f"{path.stem}_mask.png"))
    return make_canvas(path.stem, pixels, mask)


def make_canvas(name: str, pixels: Pixels, mask: Pixels) -> Canvas:
    """From an image (h, w, 3) and its mask of the same shape."""
    red, green, blue = (mask[..., channel] > 128 for channel in range(3))
    inner = label((red | blue) & ~green)
    nuclei = np.where(inner > 0, inner, expand_labels(inner, BORDER) * green).astype(np.int32)
    cells = expand_labels(nuclei, REACH).astype(np.int32)
    density = without_dab(pixels, red & ~green, nuclei)
    return Canvas(
        name=name, count=int(nuclei.max()), levels=tuple(_level(density, nuclei, cells, share) for share in LEVELS)
    )


def without_dab(pixels: Pixels, stained: NDArray[np.bool_], nuclei: Marks) -> Floats:
    """Decadic density (h, w, 3) of what is not DAB. Where `stained` was brown, counterstain of other nuclei."""
    density = np.maximum(optical_density(pixels, light_of(pixels)), 0)
    matrix = stain_matrix()
    brown = np.maximum((density @ np.linalg.inv(matrix))[..., 1], 0)
    clean = np.maximum(density - brown[..., None] * matrix[1], 0).astype(np.float32)
    hidden = binary_dilation(stained | (brown > BROWN), iterations=4)
    return _replace(clean, hidden | unmarked(clean, nuclei), nuclei)


def unmarked(density: Floats, nuclei: Marks) -> NDArray[np.bool_]:
    """Where counterstain looks like a nucleus that the mask leaves out: it would count for a reader, and not here."""
    blue = gaussian_filter(density.mean(axis=2), 1.0)
    inside, outside = nuclei > 0, ~binary_dilation(nuclei > 0, iterations=2)
    ground, typical = np.median(blue[outside]), np.median(blue[inside])
    return np.asarray(binary_dilation((blue > ground + 0.3 * (typical - ground)) & outside, iterations=3) & outside)


def _replace(density: Floats, spoilt: NDArray[np.bool_], nuclei: Marks) -> Floats:
    """Fills what brown had hidden: nuclei like unstained nuclei, the rest like the ground between them."""
    noise = np.random.default_rng(len(density)).standard_normal(spoilt.shape)
    grain = np.exp(0.8 * gaussian_filter(noise, 2)).astype(np.float32)
    filled = density.copy()
    for place in (nuclei > 0, nuclei == 0):
        known = density[place & ~spoilt]
        typical = np.median(known, axis=0) if len(known) else np.zeros(3, np.float32)
        filled[place & spoilt] = typical * grain[place & spoilt][:, None]
    soft = gaussian_filter(spoilt.astype(np.float32), 1.5)[..., None]
    return np.asarray(density * (1 - soft) + filled * soft, dtype=np.float32)


def _level(density: Floats, nuclei: Marks, cells: Marks, share: float) -> Level:
    size = (round(density.shape[1] * share), round(density.shape[0] * share))
    small = np.stack([_resized(density[..., c], size, Image.Resampling.BOX) for c in range(3)], axis=-1)
    few = _resized(cells, size, Image.Resampling.NEAREST)
    # A rim is one cell's edge towards another cell or towards no cell.
    rims = (few > 0) & ((few != np.roll(few, 1, 0)) | (few != np.roll(few, 1, 1)))
    rims = binary_dilation(rims, iterations=1) & (few > 0) if share > 0.6 else rims
    return Level(density=small, nuclei=_resized(nuclei, size, Image.Resampling.NEAREST), cells=few, rims=rims)


def _resized(values: NDArray[Any], size: tuple[int, int], method: Image.Resampling) -> NDArray[Any]:
    return np.array(Image.fromarray(values).resize(size, method))
