"""The card of iSight and its drawings, every figure from the evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.training.isight.cases import CLEAR, DEALT, TOUCHING, TRAINED
from models.training.protocol import plots
from models.training.protocol.cards import Json, between, figure, number, percent, picture, section, table, write_card
from models.training.protocol.plan import Plan
from models.training.protocol.sections import cost, data, history, parity, purpose, refusals
from models.zoo.isight import SPEC

TITLES = {one.key: one.title for one in SPEC.questions}

HISTORY = (
    ("1", "Compact encoder, three of five heads trained, on drawn stain. Accuracy 96.5 % of intensity, 95.3 % of "
     "location, 88.5 % of quantity."),
    ("2", "The same, fitted afresh on cleaned canvases with thinned fields from the first round on."),
)


def write(plan: Plan, found: Mapping[str, Any]) -> None:
    """Pictures and `card.json` into the plan's card folder."""
    _draw(plan, found)
    sections = [
        purpose(SPEC, INTENDED, NOT_FOR), _data(plan, found), _results(plan, found), _calibration(plan, found),
        _harder(plan, found), _robustness(plan, found), _real(plan, found), _gate(plan, found), _faults(),
        cost(plan, found["benchmark"]) if found["benchmark"] else {}, _speed(plan, found["benchmark"]),
        parity(plan, found["provenance"], found["export"]["parity"]),
        history(plan, HISTORY),
    ]
    write_card(SPEC, plan, found["provenance"], [one for one in sections if one])


INTENDED = (
    "Research, and trying out how a second reading of stained sections would look in this portal: how strong the "
    "brown stain is, in which part of the cell, and in how many cells.",
)
NOT_FOR = (
    "any decision about a patient: its answers were learnt from drawn stain alone.",
    "ER, PR or HER2 categories: its bins cannot express them. ER categories come from the ER system only.",
    "H&E, blood smears, fluorescence, or chromogens other than brown.",
)


def _data(plan: Plan, found: Mapping[str, Any]) -> Json:
    low, high = CLEAR.density[0][0], CLEAR.density[2][1]
    text = [
        "Every image is drawn: the brown stain of a real Ki-67 image with known nuclei is taken away by stain "
        f"separation, and DAB of a known optical density ({low:g}–{high:g}, decadic) is laid into the nuclei, the "
        "cytoplasm or the membrane of a known share of the cells. Stain hue, counterstain, scale, focus, noise, file "
        "compression and the shape of the section vary. No two images of the fit are the same.",
        f"{sum(DEALT.values())} source images carry nucleus masks; whole ones are kept for validation and test, so "
        "that no nucleus of a test image was ever seen in a fit. Six sources are few: the test says how well drawn "
        "stain is recovered on tissue not seen, not how well real stain is read.",
        "Truths are drawn with gaps between the answers (for example 18–33 % of the cells is never drawn); the "
        "section on harder images has the figures without gaps.",
    ]
    return data(plan, text, ("source images", "nuclei"), found["split"])


def _results(plan: Plan, found: Mapping[str, Any]) -> Json:
    questions, evaluate = found["questions"], plan.command("evaluate")
    figures = [
        figure(
            f"{TITLES[name]}: accuracy", percent(one["accuracy"]), evaluate,
            between(one["accuracy_interval"], as_percent=True),
        )
        for name, one in questions.items()
    ]
    figures += [
        figure(f"{TITLES[name]}: macro-F1", number(one["macro_f1"]), evaluate) for name, one in questions.items()
    ]
    rows = [["this model", *(percent(one["accuracy"]) for one in questions.values())]]
    rows += [[name, *(percent(one[key]) for key in TRAINED)] for name, one in found["baselines"].items()]
    tables = [
        table("Accuracy beside what needs no network", ["", *(TITLES[name] for name in TRAINED)], rows, evaluate),
        *(_classes(plan, name, one) for name, one in questions.items()),
        _parts(plan, "Accuracy by source image, none of them in the fit", found["by_source"]),
        _parts(plan, "Accuracy by size of the image and of the nuclei", found["by_view"]),
    ]
    pictures = [
        picture(f"confusion-{name}.png", f"Confusion matrix of {TITLES[name].lower()}; the table has the same counts")
        for name in TRAINED
    ]
    count = next(iter(questions.values()))["images"]
    text = [f"{count} drawn images on sources kept out of the fit. Tissue and malignancy are not trained."]
    return section("Results on drawn images", text=text, figures=figures, tables=tables, pictures=pictures)


def _classes(plan: Plan, name: str, one: Mapping[str, Any]) -> Json:
    rows = [
        [
            option, its["images"], percent(its["sensitivity"]), between(its["sensitivity_interval"], as_percent=True),
            percent(its["specificity"]), between(its["specificity_interval"], as_percent=True),
        ]
        for option, its in one["classes"].items()
    ]
    headings = ["answer", "images", "sensitivity", "95 %", "specificity", "95 %"]
    return table(f"{TITLES[name]}, per answer (Wilson 95 % intervals)", headings, rows, plan.command("evaluate"))


def _parts(plan: Plan, caption: str, parts: Mapping[str, Mapping[str, float]]) -> Json:
    rows = [[name, one["images"], *(percent(one[key]) for key in TRAINED)] for name, one in parts.items()]
    return table(caption, ["", "images", *(TITLES[name] for name in TRAINED)], rows, plan.command("evaluate"))


def _calibration(plan: Plan, found: Mapping[str, Any]) -> Json:
    rows = [
        [TITLES[name], number(one["temperature"], 2), number(one["ece_before"]), number(one["ece"])]
        for name, one in found["questions"].items()
    ]
    headings = ["question", "temperature", "ECE before", "ECE as served"]
    tables = [table("Calibration error on the test images", headings, rows, plan.command("evaluate"))]
    pictures = [
        picture(f"calibration-{name}.png", f"Reliability diagram of {TITLES[name].lower()}") for name in TRAINED
    ]
    text = [
        "One temperature per question, fitted on drawn validation images of another source. They say how sure to be "
        "of drawn stain; nothing is known of real stain."
    ]
    return section("Are the probabilities right?", text=text, tables=tables, pictures=pictures)


def _harder(plan: Plan, found: Mapping[str, Any]) -> Json:
    names = {
        "borders": f"truths up to the borders between answers (weak to {TOUCHING.density[0][1]:g}, moderate to "
        f"{TOUCHING.density[1][1]:g} of density; shares of any size)",
        "thumbnails": "whole cores of 336 pixels, with nuclei of three to five pixels",
        "larger": "fields of up to nine patches; the fit saw at most four",
    }
    rows = {names[name]: one for name, one in found["harder"].items()}
    return section("Harder images", tables=[_parts(plan, "Accuracy on harder drawn images", rows)])


def _robustness(plan: Plan, found: Mapping[str, Any]) -> Json:
    rows = [
        [
            one["copies"], *(percent(one[key]) for key in TRAINED),
            percent(one["passed"]) if "passed" in one else percent(found["gate"]["drawn"]),
        ]
        for one in found["robustness"]
    ]
    count = found["robustness"][0]["images"]
    parts = table(
        f"Accuracy on {count} test images and on changed copies of them",
        ["copies", *(TITLES[name] for name in TRAINED), "scored by the gate"], rows, plan.command("evaluate"),
    )
    text = [
        "All copies are counted, those that the gate refuses too. Grey copies and turned hues take away what DAB is "
        "known by: there the refusal is the right answer."
    ]
    words = "Bars of the accuracy of each question per kind of copy; same numbers as the table"
    drawn = picture("robustness.png", words)
    return section("How robust it is", text=text, tables=[parts], pictures=[drawn])


def _real(plan: Plan, found: Mapping[str, Any]) -> Json:
    rows = []
    for one in found["real"]:
        said = [f"{one[key]} ({one[f'{key}_score']:.2f})" if one[key] else "" for key in TRAINED]
        rows.append([one["image"], one["outcome"], *said])
    headings = ["core", "outcome", *(TITLES[name] for name in TRAINED)]
    caption = "What it says of the Human Protein Atlas cores (model score)"
    text = [
        "These real cores have tissue labels only. Nobody has said how they are stained, so the table shows what is "
        "answered and is no evidence that it is right. Some of them took part in the fit of the gate, none in the "
        "fit of the network."
    ]
    return section("Real cores, without a truth", text=text,
                   tables=[table(caption, headings, rows, plan.command("evaluate"))])


def _gate(plan: Plan, found: Mapping[str, Any]) -> Json:
    gate = found["gate"]
    made = refusals(plan, gate["drawn"], gate["drawn_interval"], gate["refused"], found["export"])
    made["figures"].append(
        figure(
            f"Real immunohistochemistry scored ({gate['real_images']} images kept from the gate's fit)",
            percent(gate["real"]), plan.command("evaluate"), between(gate["real_interval"], as_percent=True),
        )
    )
    return made


def _speed(plan: Plan, found: Mapping[str, Any]) -> Json:
    if not found:
        return {}
    names = {
        "onnx_encode_ms": "One patch to tokens, ms", "onnx_bag_of_100_ms": "A bag of 100 patches to answers, ms",
        "read_core_ms": "Whole reading of a 336-pixel core, gate included, ms",
        "read_3000_ms": "Whole reading of a 3,000-pixel core, gate included, ms",
    }
    figures = [figure(words, f"{found[name]:,}", plan.command("benchmark")) for name, words in names.items()]
    return section("Speed by size of the image", figures=figures)


def _faults() -> Json:
    points = [
        "Crowds of pale, overlapping or blurred nuclei: what a mask does not mark is taken out of the canvas, so that "
        "every nucleus in view counts.",
        "Membrane and cytoplasm are drawn as rings around nuclei: long processes, lumina and stroma are never stained.",
        "Cells of the whole field count, tumour or not: a pathologist counts the cells asked about.",
        "Necrosis, edge artefacts, pigment and folds are not drawn.",
    ]
    return section("What it has never seen", points=points)


def _draw(plan: Plan, found: Mapping[str, Any]) -> None:
    folder = plan.card_folder
    for name, one in found["questions"].items():
        options = list(one["classes"])
        short = [option.replace("cytoplasmic/membranous", "cyt./membr.").replace(",", ",\n") for option in options]
        plots.confusion(one["confusion"], short, folder / f"confusion-{name}.png", TITLES[name])
        plots.reliability(one["bins"], folder / f"calibration-{name}.png", TITLES[name])
    rows = [one["copies"] for one in found["robustness"]]
    series = {TITLES[key]: [one[key] for one in found["robustness"]] for key in TRAINED}
    plots.bars(rows, series, folder / "robustness.png", "Accuracy on changed copies", mark=0.95)
    held, alone = found["export"]["held_out"], found["export"].get("leave_one_out", {})
    series = {"kind known": list(held.values())}
    if alone:
        series["kind never seen"] = [alone.get(name, float("nan")) for name in held]
    plots.bars(list(held), series, folder / "gate.png", "Share refused by the domain part")
