"""The card of the served leukemia hybrid, from what fit, export, benchmark and evaluate recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.spec import ModelSpec
from models.training.leukemia.data import BLOCK, CLASSES
from models.training.protocol import plots, sections
from models.training.protocol.cards import (
    Json,
    between,
    figure,
    number,
    percent,
    picture,
    section,
    table,
    write_card,
)
from models.training.protocol.plan import Plan

INTENDED = (
    "Intended use: research, and a second look at peripheral blood smear fields by a clinician who reads the smear. "
    "It says which of four image patterns a field is most similar to. That is not a diagnosis; confirm with flow "
    "cytometry and genetics.",
    "The labels are B-ALL maturation patterns, not stages of disease. No label stands for an entity of a "
    "classification of disease.",
)
NOT_FOR = (
    "screening, diagnosis, staging, treatment or follow-up, nor for use without a reader.",
    "single-cell crops, bone marrow sections, tissue, other stains, or other blood diseases.",
)
SHORTCUTS = (
    "Stain and exposure alone tell the classes apart far better than chance: see the colour baseline. Training "
    "jitters colour and drops it for a fifth of the images; the grey copies show what is left.",
    "The scale bar differs between classes, so its corner (36×36 of 224) is hidden from the network and anything in "
    "it is invisible.",
    "One speck of sensor dust stands at the same place in many images of all classes; it is not hidden.",
    "A field of another disease, or of healthy blood in this laboratory's stain, still gets one of four names if it "
    "passes the gate.",
    "The heat map (Grad-CAM) shows where the answer's evidence lay in this network, coarsely. It may rest on red "
    "cells or background; it is no outline of blasts.",
)
SERVED_FAULTS = (
    "Errors come in runs of neighbouring file numbers, mostly Pre answered as Early: one patient or one slide misread "
    "as a whole. On new patients expect worse than the figures above.",
)
SERVED_HISTORY = (
    ("1", "First version: MobileNetV3-small from an ImageNet start, and an LSTM over its 7×7 positions."),
)


def write(
    spec: ModelSpec, plan: Plan, found: Mapping[str, Any], faults: Sequence[str], history: Sequence[tuple[str, str]]
) -> None:
    """Pictures and `card.json`. `found` is the evaluation with the records of the other verbs.

    `faults` and `history` are what is known of this hybrid alone.
    """
    draw(plan, found)
    parts = [
        sections.purpose(spec, INTENDED, NOT_FOR),
        _data(plan, found),
        _results(plan, found),
        sections.calibration(plan, found["calibration"]),
        _robustness(plan, found),
        _refusals(plan, found),
    ]
    if "benchmark" in found:
        parts.append(sections.cost(plan, found["benchmark"]))
    if "hybrids" in found:
        parts.append(found["hybrids"])
    parts.append(section("Known shortcuts and failures", points=[*SHORTCUTS, *faults]))
    worst = found["export"]["parity"]
    told = {"a probability": worst["probabilities"], "the heat map": worst["heatmap"]}
    parts += [sections.parity(plan, found["provenance"], told), sections.history(plan, history)]
    write_card(spec, plan, found["provenance"], parts)


def draw(plan: Plan, found: Mapping[str, Any]) -> None:
    """confusion.png, calibration.png, robustness.png and gate.png."""
    folder, fitted = plan.card_folder, found["export"]
    title = "Held-out blocks: images per class and answer"
    plots.confusion(found["test"]["confusion"], CLASSES, folder / "confusion.png", title)
    calibration = found["calibration"]
    title = f"Calibration on held-out blocks: ECE {calibration['ece']:.3f}"
    plots.reliability(calibration["bins"], folder / "calibration.png", title)
    rows = found["robustness"]
    series = {
        "macro-F1": [row["macro_f1"] for row in rows],
        "share the gate lets pass": [row["passed"] for row in rows],
    }
    copies = [row["copies"] for row in rows]
    title = "The same held-out images, changed"
    plots.bars(copies, series, folder / "robustness.png", title, limits=(0.5, 1.005), mark=0.95)
    names = list(fitted["held_out"])
    series = {
        "kind seen, images unseen": [fitted["held_out"][name] for name in names],
        "kind never seen": [fitted["leave_one_out"].get(name, 0.0) for name in names],
    }
    plots.bars(names, series, folder / "gate.png", "Share refused of images that are no smear of this kind")


def _data(plan: Plan, found: Mapping[str, Any]) -> Json:
    text = (
        "The licence of the images is unverified; no image is part of this project. "
        f"Blocks of {BLOCK} consecutive file numbers of a class stay together, because neighbours come from one "
        "patient. The data set has 89 patients but no patient ids, so no split by patient is possible and "
        "neighbouring blocks may share one."
    )
    return sections.data(plan, [text], CLASSES, found["split"])


def _results(plan: Plan, found: Mapping[str, Any]) -> Json:
    test, command = found["test"], plan.command("evaluate")
    names = {
        "mean colour": "mean red, green, blue and logistic regression",
        "majority class": "commonest class",
    }
    compared = [["this model", number(test["macro_f1"]), percent(test["accuracy"])]]
    compared += [[names[n], number(b["macro_f1"]), percent(b["accuracy"])] for n, b in found["baselines"].items()]
    text = (
        f"{test['images']} images in {test['blocks']} blocks that took part in no fit and set no limit. "
        "All of them are counted here, those that the gate would refuse too."
    )
    figures = [
        figure("Macro-F1", number(test["macro_f1"]), command, between(test["macro_f1_interval"])),
        figure("Accuracy", percent(test["accuracy"]), command, between(test["accuracy_interval"], as_percent=True)),
        figure("Macro-F1 of the images that pass the gate", number(test["macro_f1_passed"]), command),
    ]
    tables = [
        sections.classes(plan, test["classes"]),
        sections.confusion(plan, CLASSES, test["confusion"]),
        table("The same images, answered by colour alone", ["answered by", "macro-F1", "accuracy"], compared, command),
    ]
    drawn = picture(
        "confusion.png",
        "Confusion matrix of the held-out blocks; the table above has the numbers",
        "Images per label and answer. Intervals of whole figures are bootstrapped over blocks.",
    )
    return section("Results on held-out blocks", text=[text], figures=figures, tables=tables, pictures=[drawn])


def _robustness(plan: Plan, found: Mapping[str, Any]) -> Json:
    rows = [
        [
            row["copies"],
            number(row["macro_f1"]),
            number(row["ece"]),
            percent(row["passed"]),
            number(row["macro_f1_passed"]),
        ]
        for row in found["robustness"]
    ]
    headings = ["held-out images", "macro-F1", "ECE", "pass the gate", "macro-F1 of those"]
    changed = table("Changed copies of the held-out blocks", headings, rows, plan.command("evaluate"))
    drawn = picture(
        "robustness.png",
        "Bars of macro-F1 and gate acceptance per kind of change; same numbers",
        "Changed by Pillow and scikit-image, not by the augmentation of the training.",
    )
    return section("Other colours, sharpness and sizes", tables=[changed], pictures=[drawn])


def _refusals(plan: Plan, found: Mapping[str, Any]) -> Json:
    test = found["test"]
    return sections.refusals(plan, test["passed"], test["passed_interval"], found["gate"], found["export"])
