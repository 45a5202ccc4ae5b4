"""The card of the PCam system, from what fit, export, benchmark and evaluate recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.spec import ModelSpec
from models.training.pcam.mosaics import CALM, CALM_SIDE, DRAWS, TUMOURS
from models.training.protocol import plots, sections
from models.training.protocol.cards import Json, between, figure, number, percent, picture, section, table, write_card
from models.training.protocol.plan import Plan

NAMES = ("non-metastatic", "metastatic")
INTENDED = (
    "Intended use: research, and a second look at H&E-stained lymph-node tissue by a pathologist who reads the slide. "
    "On a larger image it points to the places that look most like metastasis; it does not clear the others.",
    "Taught and measured on single patches of 93×93 µm. The tiles of a larger image go through the same graph, pixel "
    "for pixel (tested), but no labelled image of a whole lymph node exists here: what the slide score is worth on "
    "slides was not measured.",
)
NOT_FOR = (
    "screening, diagnosis, staging, treatment or follow-up, nor for use without a reader.",
    "excluding metastasis: isolated tumour cells and small foci are missed.",
    "other organs, other stains, frozen sections or cytology.",
)
FAULTS = (
    "A patch is positive by its centre 32×32 pixels alone. The network averages over the whole patch and cannot know "
    "where the centre is: tumour at the edge of a negative patch is called, a few tumour cells in the middle are not.",
    "A larger image is tiled without overlap, so that its map is coarse and a focus may be cut between tiles.",
    "Looking through the validation patches that it got most wrong: missed are a few tumour cells among crowded "
    "lymphocytes, and patches of fat labelled tumour; called wrongly are histiocytes and other large pale nuclei, "
    "stroma, blood and blurred fields. They were described by eye, not by a pathologist, and not counted.",
    "The heat map of a patch is relative: its hottest place is what spoke most for metastasis in this patch, even "
    "where that was little.",
    "The gate compares with H&E tissue in general. Tissue of another organ is scored, and its score means nothing.",
)
HISTORY = (("1", "First version: three convolution blocks and one head of attention, 494,337 parameters."),)


def write(spec: ModelSpec, plan: Plan, found: Mapping[str, Any]) -> None:
    """Pictures and `card.json`. `found` is the evaluation with the records of the other verbs."""
    draw(plan, found)
    parts = [
        sections.purpose(spec, INTENDED, NOT_FOR),
        _results(plan, found),
        _attention(plan, found),
        _threshold(plan, found),
        sections.calibration(plan, found["calibration"]),
        _data(plan, found),
        _robustness(plan, found),
        sections.refusals(
            plan, found["passed"]["share"], found["passed"]["interval"], found["gate"], found["export"]
        ),
        _large(plan, found),
    ]
    if "benchmark" in found:
        parts.append(_cost(plan, found["benchmark"]))
    parts.append(section("Known shortcuts and failures", points=FAULTS))
    worst = found["export"]["parity"]
    told = {"a probability": worst["probability"], "the heat map": worst["heatmap"]}
    parts += [sections.parity(plan, found["provenance"], told), sections.history(plan, HISTORY)]
    write_card(spec, plan, found["provenance"], parts)


def draw(plan: Plan, found: Mapping[str, Any]) -> None:
    """confusion.png, roc.png, calibration.png, robustness.png and gate.png."""
    folder, fitted, test = plan.card_folder, found["export"], found["test"]
    plots.confusion(test["confusion"], NAMES, folder / "confusion.png", "Held-out patches per label and answer")
    curves: dict[str, Any] = {one["variant"]: one["curve"] for one in found["variants"]}
    curves["threshold as served"] = (1 - test["specificity"], test["sensitivity"])
    plots.roc(curves, folder / "roc.png", f"Held-out patches: area {test['auc']:.3f}")
    calibration = found["calibration"]
    title = f"Calibration on held-out patches: ECE {calibration['ece']:.3f}"
    plots.reliability(calibration["bins"], folder / "calibration.png", title)
    rows = found["robustness"]
    series = {"ROC area": [row["auc"] for row in rows], "share the gate lets pass": [row["passed"] for row in rows]}
    copies = [row["copies"] for row in rows]
    plots.bars(copies, series, folder / "robustness.png", "The same held-out patches, changed", limits=(0.5, 1.005),
               mark=0.9)
    names = list(fitted["held_out"])
    series = {
        "kind seen, images unseen": [fitted["held_out"][name] for name in names],
        "kind never seen": [fitted["leave_one_out"].get(name, 0.0) for name in names],
    }
    plots.bars(names, series, folder / "gate.png", "Share refused of images that are no H&E tissue")


def _results(plan: Plan, found: Mapping[str, Any]) -> Json:
    test, baselines, command = found["test"], found["baselines"], plan.command("evaluate")
    text = (
        f"{test['images']} patches in {test['blocks']} blocks that took part in no fit and set no limit, those that "
        "the gate would refuse counted too. Intervals of accuracy and area are bootstrapped over blocks, the others "
        "are Wilson's."
    )
    figures = [
        figure("Accuracy", percent(test["accuracy"]), command, between(test["accuracy_interval"], as_percent=True)),
        figure("ROC area", number(test["auc"]), command, between(test["auc_interval"])),
        figure("Sensitivity", percent(test["sensitivity"]), command,
               between(test["sensitivity_interval"], as_percent=True)),
        figure("Specificity", percent(test["specificity"]), command,
               between(test["specificity_interval"], as_percent=True)),
        figure("F1", number(test["f1"]), command),
    ]
    linear = baselines["ImageNet probe"]
    compared = [
        ["this model", percent(test["accuracy"]), number(test["auc"])],
        ["logistic regression on ImageNet features (the teacher)", percent(linear["accuracy"]), number(linear["auc"])],
        ["mean red, green, blue and logistic regression", percent(baselines["mean colour"]["accuracy"]), ""],
        ["commoner class", percent(baselines["majority class"]["accuracy"]), ""],
    ]
    tables = [
        sections.confusion(plan, NAMES, test["confusion"]),
        table("The same patches, answered otherwise", ["answered by", "accuracy", "ROC area"], compared, command),
    ]
    drawn = [
        picture("roc.png", "ROC curves with and without attention, and the threshold as a dot; figures in the tables"),
        picture("confusion.png", "Confusion matrix of the held-out patches; the table has the numbers"),
    ]
    return section("Results on held-out patches", text=[text], figures=figures, tables=tables, pictures=drawn)


def _attention(plan: Plan, found: Mapping[str, Any]) -> Json:
    rows = [
        [
            one["variant"], f"{one['parameters']:,}", percent(one["accuracy"]),
            f"{number(one['auc'])} ({between(one['auc_interval'])})", percent(one["sensitivity"]),
            percent(one["specificity"]), number(one["f1"]),
        ]
        for one in found["variants"]
    ]
    headings = ["head", "parameters", "accuracy", "ROC area (95 %)", "sensitivity", "specificity", "F1"]
    text = (
        "Both heads were taught at once, on one trunk, by the same batches, each with its own temperature and "
        "threshold from the validation patches. They differ in the head alone; a trunk taught for one of them only "
        "was not measured. The head without attention is not served."
    )
    made = table("With attention and without", headings, rows, plan.command("evaluate"))
    return section("What attention adds", text=[text], tables=[made])


def _threshold(plan: Plan, found: Mapping[str, Any]) -> Json:
    test, command = found["test"], plan.command("evaluate")
    text = (
        f"Called metastatic from a probability of {test['threshold']:.2f} on: there, sensitivity and specificity "
        "together were highest on the validation patches. The table says what other thresholds do to the held-out "
        "patches."
    )
    rows = [
        [f"{one['threshold']:.2f}", percent(one["sensitivity"]), between(one["sensitivity_interval"], as_percent=True),
         percent(one["specificity"]), between(one["specificity_interval"], as_percent=True), percent(one["accuracy"])]
        for one in sorted([*test["thresholds"], test], key=lambda one: one["threshold"])
    ]
    headings = ["threshold", "sensitivity", "95 %", "specificity", "95 %", "accuracy"]
    return section("From which probability on", text=[text], tables=[table("Thresholds", headings, rows, command)])


def _data(plan: Plan, found: Mapping[str, Any]) -> Json:
    text = (
        "PatchCamelyon patches of 96×96 pixels at 0.97 µm from CAMELYON16, CC0; 1 where the centre 32×32 holds a "
        "tumour pixel. The files carry neither slide nor order: their names are hashes. Patches are therefore grouped "
        "by look-alike stain (k-means over mean and spread of their optical densities) and whole groups are dealt to "
        "the parts. That keeps most neighbours of one slide together and makes the held-out patches differ in stain; "
        "it does not show that any slide stands on one side only, so expect less on slides of another laboratory.",
        "Targets are half the label and half what a linear probe on ImageNet features said of the patch without "
        "having seen it or its group; validation and test are measured against the labels alone.",
    )
    return sections.data(plan, text, NAMES, found["split"])


def _robustness(plan: Plan, found: Mapping[str, Any]) -> Json:
    rows = [
        [one["copies"], number(one["auc"]), percent(one["accuracy"]), number(one["ece"]), percent(one["passed"])]
        for one in found["robustness"]
    ]
    images = found["robustness"][0]["images"]
    headings = ["held-out patches", "ROC area", "accuracy", "ECE", "pass the gate"]
    changed = table(f"Changed copies of {images} held-out patches", headings, rows, plan.command("evaluate"))
    drawn = picture("robustness.png", "Bars of ROC area and gate acceptance per kind of change; same numbers",
                    "Changed by Pillow and scikit-image, not by the augmentation of the training.")
    return section("Other colours and sharpness", tables=[changed], pictures=[drawn])


def _large(plan: Plan, found: Mapping[str, Any]) -> Json:
    """The slide score on grids of patches, and what becomes of other organs."""
    command = plan.command("evaluate")
    rules = []
    grids = found["mosaics"]
    for one in grids["rows"]:
        rule = f"{one['rule']}, from {grids['limits'][one['rule']]:.2f}"
        cells = [f"{one['side']}×{one['side']}", rule, percent(one["called"])]
        for kind in TUMOURS:
            cells += [percent(one[kind]["called"]), number(one[kind]["auc"])]
        rules.append(cells)
    headings = ["tiles", "rule", "clean grids called"]
    for kind in TUMOURS:
        headings += [f"called with {kind}", "ROC area"]
    organs = [[one["name"], one["images"], one["scored"], one["tiles"], one["called"], one["metastatic"]]
              for one in found["sections"]]
    text = (
        "The slide score is the highest mean probability of 3×3 tiles: one tile called wrongly says "
        "little among hundreds, and 0.28 mm are about the least size of a micrometastasis (0.2 mm). The "
        f"first table shows why, on {DRAWS} grids per row made of held-out patches at random, each rule called from "
        f"where {percent(CALM)} of clean grids of {CALM_SIDE}×{CALM_SIDE} validation patches stay below. They are no "
        "slides: real errors come in neighbours too, and the threshold of the slide score rests on nothing else.",
        "The second table is H&E of other organs, which nobody labelled for this: the gate lets it pass as H&E tissue, "
        "and what is called metastatic there is not to be believed.",
    )
    tables = [
        table("Rules for a slide score, on grids of held-out patches", headings, rules, command),
        table("H&E of other organs, read as larger images",
              ["images", "number", "scored", "tiles read", "tiles called", "images called"], organs, command),
    ]
    return section("Images larger than a patch", text=text, tables=tables)


def _cost(plan: Plan, found: Mapping[str, Any]) -> Json:
    held = sections.cost(plan, found)
    held["figures"].append(figure("One of many tiles, ms, ONNX Runtime", f"{found['tile_ms']:,}",
                                  plan.command("benchmark")))
    return held
