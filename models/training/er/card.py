"""The card of the ER system, from what fit, export, benchmark and evaluate recorded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from models.scoring.ihc import INTENSITIES
from models.spec import ModelSpec
from models.training.er.data import CLASSES, DOUBT, THRESHOLDS
from models.training.protocol import plots, sections
from models.training.protocol.cards import (
    PACKAGES,
    Json,
    between,
    figure,
    number,
    percent,
    picture,
    provenance,
    section,
    table,
    write_card,
)
from models.training.protocol.plan import Plan
from models.training.protocol.splits import ROLES

INTENDED = (
    "Intended use: research, and a second look at fields of invasive breast carcinoma stained for ER, by a pathologist "
    "who reads the slide and can correct the counts.",
    "H-score, Allred score and the ASCO/CAP 2020 category follow from the counted nuclei by rule; a reader's own "
    "percentages go through the same rules.",
)
NOT_FOR = (
    "diagnosis, choice of treatment, or use without a reader.",
    "H&E, cytoplasmic or membranous stains, red chromogens, double stains, fluorescence, whole slides.",
    "comparing laboratories: intensity depends on the stain's lot and the scanner.",
)
LABELS = (
    "No image with ER intensities read by pathologists was available. Nuclei come from DeepLIIF's Ki-67 masks, and "
    f"each nucleus's class from its mean DAB optical density: weak from {THRESHOLDS[0]:g}, moderate from "
    f"{THRESHOLDS[1]:g}, strong from {THRESHOLDS[2]:g} (decadic, over the glass of the same image); Ki-67 negative "
    f"nuclei are normal below {DOUBT:g}, positive ones at least weak. The limits were chosen by looking at the "
    "training images alone.",
    "What that means: a good figure below says that the system finds nuclei and grades them as those limits do. It "
    "does not say that a pathologist would grade them so. Ki-67 nuclei are not ER nuclei: they are fewer, often "
    "darker, and mostly not of breast.",
    "Training images are widened: nuclei of real crops are restained to densities of every class, other stain lots, "
    "lamps, magnifications and cameras are drawn, and whole fields are drawn from nothing. Four EndoNuke crops "
    "(endometrium, ER or PR) add real stain; their disks only say where a nucleus is.",
)
FAULTS = (
    "Six real crops with outlines exist: three taught, one decided when to stop, two test. Intervals over two images "
    "would pretend; the two are shown one by one instead.",
    "The masks of the crops leave some nuclei out. Pixels that nobody labelled and that are stained count for nothing.",
    "Every nucleus is counted, of stroma and lymphocytes too, which a pathologist leaves out.",
    "Brown cytoplasm, pigment and folds can be called stained nuclei. Pale nuclei with clear middles are missed.",
    "Where nuclei lie on each other, stained ones beside unstained ones are told apart, two alike may count as one.",
    "The system cannot know the antibody: Ki-67, PR or any other nuclear DAB stain passes the gate and is scored.",
    "The patch classifier's scores are not calibrated; they only rank regions.",
)
HISTORY = (("1", "First version: UNet++ with a MobileNetV3-small encoder, and three residual blocks for regions."),)
READERS = {"network": "this system", "otsu": "Otsu on both stains, graded by the labels' own limits"}


def write(spec: ModelSpec, plan: Plan, found: Mapping[str, Any]) -> None:
    """Pictures and `card.json`. `found` is the evaluation with the records of the other verbs."""
    draw(plan, found)
    parts = [
        _results(plan, found),
        sections.purpose(spec, INTENDED, NOT_FOR),
        _data(plan, found),
        _images(plan, found),
        _grader(plan, found),
        _located(plan, found),
        _refusals(plan, found),
    ]
    if "benchmark" in found:
        parts.append(_cost(plan, found["benchmark"]))
    parts.append(section("Known failures", points=FAULTS))
    worst = found["export"]["parity"]
    told = {"a pixel's probability": worst["probabilities"], "a patch's probability": worst["grade"]}
    parts += [sections.parity(plan, found["provenance"], told), sections.history(plan, HISTORY)]
    write_card(spec, plan, found["provenance"], parts)


def recorded(spec: ModelSpec, plan: Plan) -> Json:
    """Files and versions under measurement, the segmentation library's too."""
    return provenance(spec, plan, (*PACKAGES, "segmentation-models-pytorch"))


def draw(plan: Plan, found: Mapping[str, Any]) -> None:
    """dice.png, grader.png and gate.png."""
    folder, sets = plan.card_folder, found["sets"]
    series = {READERS[by]: [_or_zero(one[by]["mean_dice"]) for one in sets.values()] for by in READERS}
    plots.bars(list(sets), series, folder / "dice.png", "Mean Dice of classes 1–4 on held-out images", mark=0.5)
    matrix = _all_squares(found)
    plots.confusion(matrix, INTENSITIES, folder / "grader.png", "Patch classifier: held-out squares")
    real = found["gate"]["real"]
    refused = {"refused": [one["refused"] for one in real]}
    title = "Share refused of images that are no nuclear DAB stain"
    plots.bars([one["source"] for one in real], refused, folder / "gate.png", title)


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _dice(value: float) -> str:
    return "none there" if math.isnan(value) else number(value)


def _all_squares(found: Mapping[str, Any]) -> list[list[int]]:
    held = [one["confusion"] for one in found["grader"].values() if one["squares"]]
    return [[sum(matrix[row][column] for matrix in held) for column in range(4)] for row in range(4)]


def _results(plan: Plan, found: Mapping[str, Any]) -> Json:
    sets, command = found["sets"], plan.command("evaluate")
    real = sets["real crops"]["network"]
    restained = sets["real crops restained, ×1"]["network"]
    figures = [
        figure("Mean Dice of classes 1–4, two held-out real crops", number(real["mean_dice"]), command),
        figure("Mean Dice of classes 1–4, the same crops restained", number(restained["mean_dice"]), command),
        figure("H-score error on restained crops, of 300", number(restained["h_score_error"], 1), command),
        figure("Percent-positive error on restained crops", number(restained["percent_positive_error"], 1), command),
    ]
    overlaps, errors = [], []
    for name, by in sets.items():
        for reader, words in READERS.items():
            one = by[reader]
            overlaps.append([name, words, one["images"], *map(_dice, one["dice"]), _dice(one["mean_dice"])])
            errors.append(
                [name, words, number(one["h_score_error"], 1), number(one["percent_positive_error"], 1),
                 f"{one['nuclei_excess'] * 100:+.0f} %", percent(one["same_category"])]
            )
    tables = [
        table("Dice over all labelled pixels", ["images", "read by", "number", *CLASSES, "mean of 1–4"],
              overlaps, command),
        table("Scores against those of the labels: mean absolute error per image",
              ["images", "read by", "H-score", "% positive", "nuclei counted too many", "same ASCO/CAP category"],
              errors, command),
    ]
    drawn = picture("dice.png", "Bars of mean Dice per set of held-out images, network and baseline; same numbers")
    text = (
        "Images that no fit has seen: two real crops as they are, the same with every nucleus restained to a class "
        "drawn anew (all classes as likely) at three magnifications, and drawn fields. Real and generated ones stand "
        "apart, because generated ones are made by the code that also made training images. The baseline knows the "
        "limits of density that made the labels; it is no weak rival.",
    )
    return section("Results on held-out images", text=text, figures=figures, tables=tables, pictures=[drawn])


def _data(plan: Plan, found: Mapping[str, Any]) -> Json:
    split = found["split"]
    told = f"Split seed {split['seed']}; sha256 over all files {split['files_sha256']}. Whole images on one side each."
    rows = [[role, split["counts"][role]] for role in ROLES]
    parts = table("Real images per part of the split", ["part", "images"], rows, plan.command("fit"))
    return section("Data and labels", text=[*LABELS, told], tables=[parts])


def _images(plan: Plan, found: Mapping[str, Any]) -> Json:
    rows = []
    for name, one in found["per_image"].items():
        errors = (number(one["h_score_error"], 1), number(one["percent_positive_error"], 1))
        rows.append([name, *map(_dice, one["dice"]), _dice(one["mean_dice"]), *errors])
    for name, one in found["before_voting"].items():
        rows.append([f"{name}: pixels before the vote", *["–"] * 5, _dice(one["mean_dice"]), "–", "–"])
    headings = ["image", *CLASSES, "mean of 1–4", "H-score error", "% positive error"]
    nuclei = [[name, number(one["nuclei_dice"])] for name, one in found["before_voting"].items()]
    command = plan.command("evaluate")
    seams = found["seams"]
    figures = [
        figure("Pixels of a part read as in the whole, cut on the tiles' grid", percent(seams["on_grid"]), command),
        figure("The same, cut off the grid", percent(seams["off_grid"]), command),
    ]
    tables = [
        table("The two real crops one by one, and what the vote within a nucleus changes", headings, rows, command),
        table("Dice of nuclei of any class against background", ["images", "Dice"], nuclei, command),
    ]
    return section("Image by image", figures=figures, tables=tables)


def _grader(plan: Plan, found: Mapping[str, Any]) -> Json:
    rows = [
        [name, one["squares"], percent(one["accuracy"]), between(one["interval"], as_percent=True),
         number(one["macro_f1"])]
        for name, one in found["grader"].items()
        if one["squares"]
    ]
    headings = ["squares of", "number", "accuracy", "95 % (Wilson)", "macro-F1"]
    held = table("Dominant class of squares, on true outlines", headings, rows, plan.command("evaluate"))
    drawn = picture("grader.png", "Confusion matrix of the patch classifier over all held-out squares")
    text = "Squares of 128×128 pixels in which one class has at least 40 % of the nuclei's pixels; others test nothing."
    return section("Stage 2: the patch classifier", text=[text], tables=[held], pictures=[drawn])


def _located(plan: Plan, found: Mapping[str, Any]) -> Json:
    rows = [
        [READERS[by], one["middles"], percent(one["covered"]), between(one["interval"], as_percent=True),
         one["counted"], percent(one["off_disk"])]
        for by, one in found["disks"].items()
    ]
    headings = ["read by", "places", "covered", "95 % (Wilson)", "nuclei counted", "of them off every disk"]
    held = table("Held-out EndoNuke crops (endometrium, ER or PR)", headings, rows, plan.command("evaluate"))
    text = (
        "Real ER or PR stain, four crops: are places that an expert marked as nuclei covered by a counted nucleus, and "
        "do counted ones lie on a mark? Neighbouring marks run together, so this is a weak test of finding, and none "
        "of grading."
    )
    return section("Real ER or PR stain", text=[text], tables=[held])


def _refusals(plan: Plan, found: Mapping[str, Any]) -> Json:
    gate, alone = found["gate"], found["export"].get("leave_one_out", {})
    rows = [
        [one["source"], one["images"], percent(one["refused"]), between(one["interval"], as_percent=True)]
        for one in gate["real"]
    ]
    tables = [
        table("Real images of other kinds that the gate was not fitted on (Wilson 95 % intervals)",
              ["source", "images", "refused", "95 %"], rows, plan.command("evaluate")),
        table("A kind left out of the fit altogether, before the limits were widened",
              ["source", "refused"], [[name, percent(share)] for name, share in alone.items()], plan.command("export")),
    ]
    share = between(gate["interval"], as_percent=True)
    passed = figure("Views of held-out crops that pass", percent(gate["passed"]), plan.command("evaluate"), share)
    drawn = picture("gate.png", "Bars of the refused share per source; same numbers as the first table")
    text = (
        "Quality first, then how like nuclear DAB the image looks to the shared ImageNet eye. In-domain are the "
        "training crops, their restained copies and unlabelled Ki-67 regions; ER, PR and Ki-67 look alike and pass.",
        "The fitted limits are widened before they are shipped, because breast ER sections of other laboratories must "
        "not be refused for being new; the first table is measured with the shipped limits. HPA's cores are IHC from "
        "afar and were shown to no fit.",
    )
    return section("What it refuses", text=text, figures=[passed], tables=tables, pictures=[drawn])


def _cost(plan: Plan, found: Mapping[str, Any]) -> Json:
    words = {
        "parameters": "Parameters of both networks",
        "file_mb": "Own files, MB",
        "onnx_predict_ms": "One tile of 256×256, ms, ONNX Runtime",
        "onnx_grade_ms": "One patch, ms, ONNX Runtime",
        "onnx_field_ms": "A field of 512×512 without the gate, ms, ONNX Runtime",
        "torch_predict_ms": "One tile, ms, torch",
    }
    figures = [figure(title, f"{found[name]:,}", plan.command("benchmark")) for name, title in words.items()]
    return section("Cost", text=[f"Medians on {found['machine']}, one thread, other work going on."], figures=figures)
