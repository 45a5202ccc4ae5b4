"""From nuclei that a reader went through to a class per pixel: outlines by a version, classes by the reader."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from models.spec import Micrograph, Nucleus
from models.training.er.data import VOID
from models.training.er.render import Piece
from models.training.er.table import CLASSES
from models.zoo._er.nuclei import LEAST_AREA, split_nuclei
from models.zoo._er.tiles import Predict, segment
from models.zoo.er import at_scale


def piece_of(micrograph: Micrograph, nuclei: Sequence[Nucleus], predict: Predict) -> Piece:
    """The image as the network reads it, with the classes that a reader gave to the nuclei a version finds in it."""
    pixels = at_scale(micrograph)
    scale = np.array([pixels.shape[1] / micrograph.width, pixels.shape[0] / micrograph.height])
    places = np.array([(one.x + 0.5, one.y + 0.5) for one in nuclei]).reshape(-1, 2) * scale
    classes = np.array([1 + CLASSES.index(one.label) for one in nuclei], np.uint8)
    return Piece(pixels=pixels, labels=relabelled(segment(pixels, predict), places, classes))


def relabelled(found: NDArray[np.uint8], places: NDArray[np.float64], classes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Class per pixel (h, w) from a version's map (h, w) and a reader's nuclei: places (n, 2) as column and row.

    Each nucleus takes the class of the place nearest to its centre, as far as the nucleus is wide. One without such a
    place was taken out: background. Spots too small to be counted were shown to nobody: VOID. The gaps that the version
    leaves between touching nuclei stay background: without them, they would be learnt as one.
    """
    nuclei, count = split_nuclei(found)
    rows, columns = np.nonzero(nuclei)
    which = nuclei[rows, columns] - 1
    areas = np.bincount(which, minlength=count)
    sums = [np.bincount(which, weights=along, minlength=count) for along in (columns, rows)]
    centres = np.stack(sums, axis=1) / np.maximum(areas, 1)[:, None] + 0.5
    given = np.zeros(count, np.uint8)
    if len(places) and count:
        away, nearest = cKDTree(places).query(centres)
        given = np.where(away <= np.sqrt(areas / np.pi), classes[nearest], 0).astype(np.uint8)
    given[areas < LEAST_AREA] = VOID
    labels = np.concatenate([[0], given]).astype(np.uint8)[nuclei]
    labels[(found > 0) & (nuclei == 0)] = VOID
    return np.asarray(np.where(found > 0, labels, 0), np.uint8)
