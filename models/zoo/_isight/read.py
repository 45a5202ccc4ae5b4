"""How either version reads a bag: gate, tokens patch by patch, answers, and where they come from."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from models.gate import QUALITY_ADVICE, Domain
from models.spec import Finding, Layer, Micrograph, Reading, Run
from models.zoo import _eye
from models.zoo._isight.bag import (
    Bag,
    Size,
    attention_layer,
    bag_of,
    cut,
    evidence_layer,
    regions,
    views_of,
)
from models.zoo._isight.words import CELLS, INTENSITY, QUESTIONS

DOMAIN = Domain(
    kinds=("in-domain", "other-stain", "smear", "blur", "not-ihc"),
    advice={
        "in-domain": "The image looks like the brown-stained tissue sections that this system was made with.",
        "other-stain": "This looks like tissue in another stain than DAB immunohistochemistry, such as H&E. "
        "Choose the system made for it.",
        "smear": "This looks like a blood smear or single cells, not like a tissue section. "
        "Choose the system made for it.",
        "blur": QUALITY_ADVICE["blur"],
        "not-ihc": "This does not look like immunohistochemistry of a tissue section. "
        "Upload a section or core with brown (DAB) stain, or read it by hand.",
    },
    stranger="not-ihc",
)
NO_TISSUE = Finding(
    code="no-tissue",
    message="No part of the image has enough tissue to read. Upload the section itself, not the glass around it.",
    refuses=True,
)
Floats = NDArray[np.float32]


def gate_of(micrograph: Micrograph, run: Run) -> tuple[Finding, ...]:
    """Quality and domain of up to nine patches; the first finding tells whether the image is refused."""
    return _eye.check(views_of(micrograph), micrograph, run, DOMAIN)


def read_bag(micrograph: Micrograph, run: Run, trained: Collection[str]) -> Reading:
    """Reads with the graphs "eye", "gate", "encode" and "predict"; heads not in `trained` answer None."""
    findings = gate_of(micrograph, run)
    if findings[0].refuses:
        return Reading(outcome="refused", reason=findings[0].message, findings=findings)
    bag = bag_of(micrograph.pixels)
    if not bag.patches:
        return Reading(outcome="refused", reason=NO_TISSUE.message, findings=(NO_TISSUE,))
    # One patch at a time: the memory of a large image is that of its tokens, not of the encoder's inside.
    tokens = np.concatenate(
        [run("encode", {"patches": cut(micrograph.pixels, patch)[None]})["tokens"] for patch in bag.patches]
    )
    return answer_of((micrograph.width, micrograph.height), bag, tokens, findings, run, trained)


def answer_of(size: Size, bag: Bag, tokens: Floats, findings: tuple[Finding, ...], run: Run,
              trained: Collection[str]) -> Reading:
    """Five answers and where they come from, of an image or slide of this size, from its patches' tokens."""
    answer = run("predict", {"tokens": tokens, "cell": np.zeros((1, len(CELLS)), np.float32)})
    weights = answer["attention"].mean(axis=1)
    return Reading(
        outcome="scored",
        scores={
            one.key: _scores(one.options, answer[one.key][0]) if one.key in trained else None for one in QUESTIONS
        },
        findings=findings,
        notes=_notes(bag, trained),
        layers=_layers(size, bag, answer["evidence"], weights, int(answer["intensity"][0].argmax())),
        regions=regions(size, bag.patches, weights) if len(bag.patches) > 1 else (),
    )


def _scores(options: tuple[str, ...], values: Floats) -> dict[str, float]:
    return {option: float(value) for option, value in zip(options, values, strict=True)}


def _notes(bag: Bag, trained: Collection[str]) -> tuple[str, ...]:
    count = len(bag.patches)
    told = [f"Read from {count} tissue patch{'es' if count > 1 else ''} of 336×336 pixels."]
    if bag.found > count:
        told.append(f"The image has {bag.found} patches with tissue; {count} of them, evenly spread, were read.")
    untrained = [one.title.lower() for one in QUESTIONS if one.key not in trained]
    if untrained:
        told.append(f"Not trained, so not answered: {', '.join(untrained)}.")
    return tuple(told)


def _layers(
    size: Size, bag: Bag, evidence: Floats, weights: Floats, chosen: int
) -> tuple[Layer, ...]:
    """Attention over the patches first; a lone patch has all of it, so there the evidence comes first and alone."""
    alone = len(bag.patches) == 1
    against_mean = evidence[..., chosen] - evidence.mean(axis=2)
    side = int(np.sqrt(against_mean.shape[1]))
    # A class token stands in front of the positions and has no place in the image.
    placed = np.ascontiguousarray(against_mean[:, against_mean.shape[1] - side * side :]).reshape(-1, side, side)
    name = "heatmap" if alone else "evidence"
    shown = evidence_layer(size, bag.patches, placed, name, INTENSITY[chosen])
    return (shown,) if alone else (attention_layer(size, bag.patches, weights), shown)
