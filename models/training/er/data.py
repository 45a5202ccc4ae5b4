"""Real IHC as scenes: stains per pixel, nuclei as instances, and what nobody labelled left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from models.imaging.stains import light_of, separate
from models.training.protocol.splits import Role, decode

Floats = NDArray[np.float32]
CLASSES = ("background", "normal", "weak", "moderate", "strong")
VOID = 255
"""Label of a pixel that nobody labelled and that might be a nucleus."""
THRESHOLDS = (0.15, 0.35, 0.65)
"""Mean DAB optical density (decadic) of a nucleus from which it is weak, moderate, strong.

In the training crops 97 % of the 327 Ki-67 negative nuclei lie below 0.15, and 38 of the 47 positive ones above
0.65, with 4 between: the lower limit can be read off them, the two upper ones only divide what is left as QuPath's
customary 0.2, 0.4, 0.6 do, which are measured from white and not from the glass.
"""
DOUBT = 0.20
"""A nucleus labelled negative is normal up to this DAB density: haematoxylin leaks into it."""
UNLABELLED = 0.15
"""Blurred density of either stain from which an unlabelled pixel may be a nucleus."""

SPLIT: dict[Role, tuple[str, ...]] = {
    "train": ("22_2", "6_2", "Bladder1"),
    "validation": ("799_2",),
    "test": ("34_3", "Lung1"),
}
"""Whole crops, dealt by hand before any fit so that both scanners' looks stand on both sides."""
DISKS: dict[Role, tuple[int, ...]] = {"train": (0, 2, 4, 6), "validation": (), "test": (1, 3, 5, 7)}


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One field: stains (h, w, 3), nuclei (h, w) numbered from 1, their classes, and pixels nobody labelled."""

    name: str
    stains: Floats
    nuclei: NDArray[np.int32]
    classes: NDArray[np.uint8]
    """Class of each nucleus by its number; entry 0 is background."""
    void: NDArray[np.bool_]
    light: NDArray[np.floating[Any]]
    whole: bool = True
    """Whether its nuclei are outlined one by one, so that they may be restained; of disks they are classes only."""

    @property
    def labels(self) -> NDArray[np.uint8]:
        """Class per pixel (h, w), VOID where nobody labelled."""
        labels = self.classes[self.nuclei]
        labels[self.void] = VOID
        return labels


def image_paths(data: Path, role: Role) -> list[Path]:
    """The files of one part: images, then their masks."""
    crops = [data / "ihc/deepliif_ki67" / f"{name}{end}.png" for name in SPLIT[role] for end in ("", "_mask")]
    disks = [data / "ihc/endonuke_er_pr" / f"endonuke_{n}{end}.png" for n in DISKS[role] for end in ("", "_mask")]
    return crops + disks


def load_outlined(data: Path, role: Role) -> list[Scene]:
    """The DeepLIIF crops of one part, whose nuclei are outlined."""
    folder = data / "ihc/deepliif_ki67"
    return [outlined(name, decode(folder / f"{name}.png"), decode(folder / f"{name}_mask.png")) for name in SPLIT[role]]


def load_disks(data: Path, role: Role) -> list[Scene]:
    """The EndoNuke crops of one part, whose nuclei are only located."""
    folder = data / "ihc/endonuke_er_pr"
    names = [f"endonuke_{number}" for number in DISKS[role]]
    return [located(name, decode(folder / f"{name}.png"), decode(folder / f"{name}_mask.png")) for name in names]


def outlined(name: str, pixels: NDArray[np.uint8], mask: NDArray[np.uint8]) -> Scene:
    """A scene from a DeepLIIF mask: red positive, blue negative, green border between and around nuclei."""
    red, green, blue = (mask[..., channel] > 127 for channel in range(3))
    cores, count = ndimage.label(red | blue)
    nuclei = _grown(cores, green)
    light = light_of(pixels)
    stains = separate(pixels, light)
    numbers = np.arange(1, count + 1)
    positive = ndimage.mean(red, cores, numbers) > 0.5
    classes = np.concatenate([[0], grade(ndimage.mean(stains[..., 1], cores, numbers), positive)]).astype(np.uint8)
    void = (nuclei == 0) & _might_be_nucleus(stains)
    return Scene(name=name, stains=stains, nuclei=nuclei, classes=classes, void=void, light=light)


def located(name: str, pixels: NDArray[np.uint8], mask: NDArray[np.uint8]) -> Scene:
    """A scene from EndoNuke's disks: what is dark in the middle of disks is nucleus, what lies far and pale is none.

    Disks overlap, so the middles of neighbours run together: the class goes by the stain around each pixel.
    """
    height, width = pixels.shape[:2]
    disks = disk_mask(mask[:height, :width])
    light = light_of(pixels)
    stains = separate(pixels, light)
    dab = ndimage.gaussian_filter(stains[..., 1], 2)
    dark = ndimage.gaussian_filter(stains[..., :2].sum(axis=2), 2)
    middles = (ndimage.distance_transform_edt(disks) > 7) & (dark > 0.25)
    nuclei = np.where(middles, grade(dab, np.zeros(dab.shape, bool)), 0).astype(np.int32)
    far = ndimage.distance_transform_edt(~disks) > 4
    pale = ndimage.gaussian_filter(stains[..., :2].sum(axis=2), 3) < 0.3
    return Scene(
        name=name, stains=stains, nuclei=nuclei, classes=np.arange(5, dtype=np.uint8), void=~middles & ~(far & pale),
        light=light, whole=False,
    )


def disk_mask(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where EndoNuke's mask has a disk of any colour (h, w)."""
    levels = mask.astype(np.int16)
    return np.asarray(levels.max(axis=2) - levels.min(axis=2) > 100)


def grade(density: NDArray[Any], positive: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Class 1–4 of nuclei by mean DAB density; one called positive is at least weak."""
    found = 1 + np.digitize(density, THRESHOLDS)
    found = np.where(~positive & (density < DOUBT), 1, found)
    return np.where(positive, np.maximum(found, 2), found).astype(np.uint8)


def _grown(cores: NDArray[np.int32], border: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Nuclei with their share of the border: each border pixel goes to the nearest core."""
    where = ndimage.distance_transform_edt(cores == 0, return_distances=False, return_indices=True)
    return np.where(border | (cores > 0), cores[tuple(where)], 0).astype(np.int32)


def _might_be_nucleus(stains: Floats) -> NDArray[np.bool_]:
    blurred = [ndimage.gaussian_filter(stains[..., stain], 1.5) for stain in (0, 1)]
    return np.asarray((blurred[0] > UNLABELLED) | (blurred[1] > UNLABELLED))
