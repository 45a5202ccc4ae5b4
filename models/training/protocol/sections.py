"""The sections that every card has, in the same words for every system.

What the page already shows from the spec (labels, limits, preprocessing, licence, source, files) is not repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.spec import ModelSpec
from models.training.protocol.cards import Json, between, figure, number, percent, picture, section, table
from models.training.protocol.plan import Plan
from models.training.protocol.splits import ROLES


def purpose(spec: ModelSpec, intended: Sequence[str], not_for: Sequence[str]) -> Json:
    """What it is for and what it is not for; a demonstration says so first."""
    first = [spec.demonstration] if spec.demonstration else []
    return section("What it is for", text=[*first, *intended], points=[f"Not for {one}" for one in not_for])


def data(plan: Plan, text: Sequence[str], names: Sequence[str], split: Mapping[str, Any]) -> Json:
    """Images per part of the split, by the counts of `split.json`: a number per name for each role."""
    rows = [[role, *split["counts"][role], sum(split["counts"][role])] for role in ROLES]
    told = f"Split seed {split['seed']}; sha256 over all files {split['files_sha256']}."
    parts = table("Images per part of the split", ["part", *names, "all"], rows, plan.command("fit"))
    return section("Data", text=[*text, told], tables=[parts])


def confusion(plan: Plan, names: Sequence[str], matrix: Sequence[Sequence[int]]) -> Json:
    """The table of labels and answers."""
    rows = [[name, *row] for name, row in zip(names, matrix, strict=True)]
    return table("Confusion: rows are labels, columns are answers", ["label", *names], rows, plan.command("evaluate"))


def classes(plan: Plan, found: Mapping[str, Mapping[str, Any]]) -> Json:
    """The table of `measures.per_class` by class name."""
    rows = [
        [
            name,
            one["images"],
            percent(one["sensitivity"]),
            between(one["sensitivity_interval"], as_percent=True),
            percent(one["specificity"]),
            between(one["specificity_interval"], as_percent=True),
        ]
        for name, one in found.items()
    ]
    headings = ["class", "images", "sensitivity", "95 %", "specificity", "95 %"]
    return table("Per class (Wilson 95 % intervals)", headings, rows, plan.command("evaluate"))


def calibration(plan: Plan, found: Mapping[str, Any], file: str = "calibration.png") -> Json:
    """ECE before and after the temperature; says so where the temperature did harm."""
    text = ["One temperature, fitted on the validation images, is part of the graph."]
    if found["ece"] > found["ece_before"]:
        text.append(
            "On the test images it made the probabilities worse, not better. It is served as fitted, for choosing it "
            "by the test images would make their figures worthless."
        )
    interval = between(found["ece_interval"]) if "ece_interval" in found else ""
    figures = [
        figure("ECE before temperature", number(found["ece_before"]), plan.command("evaluate")),
        figure("ECE as served", number(found["ece"]), plan.command("evaluate"), interval),
        figure("Temperature", number(found["temperature"]), plan.command("fit")),
    ]
    drawn = picture(
        file,
        "Reliability diagram: share of right answers against their probability",
        "Each dot is a bin of equal width; its size is the number of images. On the line, the probability is "
        "what it says.",
    )
    return section("Are the probabilities right?", text=text, figures=figures, pictures=[drawn])


def refusals(
    plan: Plan, passed: float, interval: Sequence[float], real: Sequence[Mapping[str, Any]], fitted: Mapping[str, Any]
) -> Json:
    """What the gate lets pass and refuses. `real`: source, images, refused, interval; `fitted`: export's record
    with `held_out` and, where it was measured, `leave_one_out`."""
    evaluate, export = plan.command("evaluate"), plan.command("export")
    text = (
        "Quality first (size, brightness, contrast, focus), then how like its training images the image looks to "
        "the network. Limits come from validation images alone."
    )
    rows = [
        [one["source"], one["images"], percent(one["refused"]), between(one["interval"], as_percent=True)]
        for one in real
    ]
    alone = fitted.get("leave_one_out", {})
    parts = [
        [name, percent(share), percent(alone[name]) if name in alone else "not measured"]
        for name, share in fitted["held_out"].items()
    ]
    tables = [
        table("Real images of other kinds that the gate was not fitted on (Wilson 95 % intervals)",
              ["source", "images", "refused", "95 %"], rows, evaluate),
        table("Domain part alone, share refused: kept-out images of a kind in its fit, and a kind left out of the fit",
              ["source", "kind known", "kind never seen"], parts, export),
    ]
    drawn = picture(
        "gate.png",
        "Bars of the refused share per source, with and without its kind in the fit; same numbers as the table",
        "A kind that was never seen is the better guess for what a clinic will upload by mistake.",
    )
    scored = figure("Held-out images scored", percent(passed), evaluate, between(interval, as_percent=True))
    return section("What it refuses", text=[text], figures=[scored], tables=tables, pictures=[drawn])


COSTS = {
    "parameters": "Parameters",
    "file_mb": "Files, MB",
    "onnx_predict_ms": "Reading, ms, ONNX Runtime",
    "onnx_explain_ms": "Heat map, ms, ONNX Runtime",
    "torch_predict_ms": "Reading, ms, torch",
}


def cost(plan: Plan, found: Mapping[str, Any]) -> Json:
    """Speed and size by `benchmark.json`: "machine", and any of COSTS."""
    text = f"Medians on {found['machine']}, one thread, one image at a time."
    figures = [
        figure(words, f"{found[name]:,}", plan.command("benchmark")) for name, words in COSTS.items() if name in found
    ]
    return section("Cost", text=[text], figures=figures)


def parity(plan: Plan, provenance: Mapping[str, Any], worst: Mapping[str, float]) -> Json:
    """Largest differences between torch and ONNX by output, and the versions that measured."""
    figures = [
        figure(f"Largest difference of {what}, torch to ONNX", f"{found:.1e}", plan.command("export"))
        for what, found in worst.items()
    ]
    versions = table("Versions", ["package", "version"], list(provenance["versions"].items()), plan.command("evaluate"))
    return section("From torch to the served files", figures=figures, tables=[versions])


def history(plan: Plan, versions: Sequence[tuple[str, str]]) -> Json:
    """Every version with what it changed, the newest first."""
    return section("Versions of this system", tables=[table("Versions so far", ["version", "what"], versions,
                                                            plan.command("fit"))])
