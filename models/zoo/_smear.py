"""What the leukemia systems share: labels, words, input without scale bar, gate, and how they read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models import gate
from models.gate import Domain
from models.imaging.resize import squash
from models.spec import Label, Layer, Micrograph, ModelSpec, Pixels, Reading, Run

SIDE = 224
CORNER = 36
"""Pixels hidden at the bottom right: the widest scale bar of the data set ("500 pi") begins 31 pixels from
the right edge and 30 from the bottom one; JPEG carries its edge a little further."""

ANSWER = "Image pattern most similar to class {label}; not a diagnosis; confirm with flow cytometry and genetics."
NOTICE = "Research use only, not a diagnosis."
LABELS = (
    Label(name="Benign", meaning="Hematogones: benign B-cell precursors, not leukemic blasts."),
    Label(name="Early", meaning="Early Pre-B: a B-ALL maturation pattern, not a stage of disease."),
    Label(name="Pre", meaning="Pre-B: a B-ALL maturation pattern, not a stage of disease."),
    Label(name="Pro", meaning="Pro-B: a B-ALL maturation pattern, not a stage of disease."),
)

DOMAIN = Domain(
    kinds=("in-domain", "single-cell", "tissue", "wrong-stain", "blur", "not-a-smear"),
    advice={
        "in-domain": "The image looks like the blood-smear fields that this system was made with.",
        "single-cell": "This looks like a close-up of one or a few cells. Upload the whole microscope field.",
        "tissue": "This looks like stained tissue, not a blood smear. Choose the system made for it.",
        "wrong-stain": "The colours are not those of the blood-smear stain that this system was made with.",
        "blur": gate.QUALITY_ADVICE["blur"],
        "not-a-smear": "This does not look like the blood-smear fields that this system was made with. "
        "Upload a field of a stained peripheral blood smear, or read it by hand.",
    },
    stranger="not-a-smear",
)


def corner_of(side: int) -> int:
    """The hidden corner's side in a field of `side` pixels, never less than its share."""
    return -(-CORNER * side // SIDE)


def as_input(field: Pixels) -> NDArray[np.float32]:
    """(side, side, 3) bytes to (1, 3, side, side) in [-1, 1], mean = std = 0.5, scale-bar corner at 0."""
    image = field.astype(np.float32).transpose(2, 0, 1)[None] / np.float32(127.5) - np.float32(1)
    hidden = corner_of(field.shape[0])
    image[:, :, -hidden:, -hidden:] = 0
    return np.ascontiguousarray(image)


def read_smear(spec: ModelSpec, micrograph: Micrograph, run: Run) -> Reading:
    """Quality and domain gate, then calibrated probabilities and the Grad-CAM of the likeliest class.

    A network that was taught at another size than 224 says so as `input_side` in its gate's file.
    """
    field = squash(micrograph.pixels, SIDE)
    parameters = run("gate", {})
    wrong = gate.check_quality(gate.measure(micrograph.pixels, field, CORNER), parameters)
    if wrong:
        return Reading(outcome="refused", reason=wrong[0].message, findings=wrong)
    sized = squash(field, int(parameters.get("input_side", SIDE)))
    answer = run("predict", {"image": as_input(sized)})
    domain = gate.check_domain(answer["embedding"], parameters, DOMAIN)
    if domain[0].refuses:
        return Reading(outcome="refused", reason=domain[0].message, findings=domain)
    scores = answer["probabilities"][0]
    best = int(scores.argmax())
    chosen = np.eye(len(spec.labels), dtype=np.float32)[best : best + 1]
    shown = run("explain", {"features": answer["features"], "chosen": chosen})
    return Reading(
        outcome="scored",
        label=spec.labels[best].name,
        scores={label.name: float(score) for label, score in zip(spec.labels, scores, strict=True)},
        findings=domain,
        layers=(Layer(name="heatmap", title="Where the model looked", kind="heat", values=shown["heatmap"]),),
    )
