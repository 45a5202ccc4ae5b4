"""What PCam goes by: thresholds, scale, the kinds that its gate knows, and how an answer is put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.gate import Domain
from models.spec import Finding, Label, Pixels, Reading, Scale

THRESHOLD = 0.43
"""Least probability of a patch that is called metastatic: chosen on the validation patches."""
SLIDE_THRESHOLD = 0.53
"""Least slide score that is called metastatic: chosen on grids of negative validation patches."""
UM_PER_PX = 0.97
LEAST_SATURATION = 0.07
BATCH = 8
"""Tiles per run of the graph: more at once only take more memory, not less time."""
GATE_VIEWS = 16
MOST_REGIONS = 12

SCALE = Scale(wanted=UM_PER_PX, least=0.1, most=1.5, free_side=128)
LABELS = (
    Label(name="non-metastatic", meaning="No tumour was recognised at the threshold of this version."),
    Label(name="metastatic", meaning="Tumour was recognised in the patch, or in neighbouring tiles of the image."),
)
DOMAIN = Domain(
    kinds=("in-domain", "smear", "immunostain", "blur", "not-tissue"),
    advice={
        "in-domain": "The image looks like the H&E-stained tissue that this system was made with.",
        "smear": "This looks like a blood smear, not like a section of tissue. Choose the system made for it.",
        "immunostain": "This looks like an immunostain, not like H&E. Choose the system made for it.",
        "blur": "The image is out of focus. Focus on the tissue and take it again.",
        "not-tissue": "This does not look like the H&E-stained tissue that this system was made with. "
        "Upload H&E-stained lymph-node tissue, or read it by hand.",
    },
    stranger="not-tissue",
)
TOO_SMALL = Finding(
    code="too-small", refuses=True,
    message="At this pixel size the image is less than 93 µm high or wide. Upload more.",
)
BLANK = Finding(code="blank", message="There is no stained tissue in this image.", refuses=True)


def as_input(patches: Sequence[Pixels]) -> NDArray[np.float32]:
    """Patches (96, 96, 3) to (n, 3, 96, 96) in [0, 1]."""
    given = np.empty((len(patches), 3, *patches[0].shape[:2]), np.float32)
    for place, patch in zip(given, patches, strict=True):
        np.divide(patch.transpose(2, 0, 1), np.float32(255), out=place)
    return given


def scored(chance: float, threshold: float, more: dict[str, float], **parts: Any) -> Reading:
    """Label by the threshold, and both probabilities."""
    scores = {LABELS[0].name: 1 - chance, LABELS[1].name: chance, **more}
    return Reading(outcome="scored", label=LABELS[chance >= threshold].name, scores=scores, **parts)


def refused(finding: Finding) -> Reading:
    return Reading(outcome="refused", reason=finding.message, findings=(finding,))
