"""What needs no network: Otsu on the stains together finds nuclei, the labels' own limits on DAB grade them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from models.imaging.stains import separate
from models.spec import Pixels
from models.training.er.data import THRESHOLDS
from models.zoo._er.nuclei import LEAST_AREA, split_nuclei

BLUR = 1.5
DARK = 0.3
"""Density above which darker is no more a nucleus: a few black nuclei would draw Otsu's limit past all pale ones."""


def read_by_otsu(pixels: Pixels) -> NDArray[np.uint8]:
    """Class map (h, w). It knows the limits that made the labels, and so is no weak rival in grading."""
    stains = separate(pixels)
    total = ndimage.gaussian_filter(np.clip(stains[..., :2], 0, None).sum(axis=2), BLUR).clip(max=DARK)
    labels, count = split_nuclei((total > threshold_otsu(total)).astype(np.uint8))
    if not count:
        return np.zeros(labels.shape, np.uint8)
    which = labels.reshape(-1)
    areas = np.bincount(which, minlength=count + 1)
    dab = np.bincount(which, weights=stains[..., 1].reshape(-1), minlength=count + 1) / np.maximum(areas, 1)
    classes = np.where(areas >= LEAST_AREA, 1 + np.digitize(dab, THRESHOLDS), 0).astype(np.uint8)
    classes[0] = 0
    return np.asarray(classes[labels])
