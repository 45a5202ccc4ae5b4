"""Turns an evaluation into `card.json`: every figure from the evaluation, none typed by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.spec import ModelSpec
from models.training.data import BLOCK, CLASSES, ROLES

EVALUATE = "python -m models.training evaluate leukemia"
EXPORT = "python -m models.training export leukemia"
FIT = "python -m models.training fit leukemia"
BENCHMARK = "python -m models.training benchmark leukemia"

Json = dict[str, Any]


def _number(value: float) -> str:
    return f"{value:.3f}"


def _percent(value: float) -> str:
    return f"{value * 100:.1f} %"


def _between(interval: Sequence[float], percent: bool = False) -> str:
    low, high = interval
    return f"{low * 100:.1f}–{high * 100:.1f} %" if percent else f"{low:.3f}–{high:.3f}"


def _figure(name: str, value: str, command: str, interval: str = "") -> Json:
    return {"name": name, "value": value, "interval": interval, "command": command}


def _table(caption: str, headings: Sequence[str], rows: Sequence[Sequence[str]], command: str) -> Json:
    return {
        "caption": caption,
        "headings": list(headings),
        "rows": [list(row) for row in rows],
        "command": command,
    }


def write_card(spec: ModelSpec, evaluation: Mapping[str, Any], path: Path) -> None:
    """The card of a version, as `models.card.load_card` reads it."""
    sections = [
        _use(spec),
        _data(spec, evaluation),
        _results(evaluation),
        _calibration(evaluation),
        _robustness(evaluation),
        _gate(evaluation),
        _cost(evaluation),
        _faults(),
        _made(spec, evaluation),
    ]
    held = {
        "key": spec.key,
        "version": spec.version,
        "weights_sha256": evaluation["provenance"]["weights_sha256"],
        "commands": {"fit": FIT, "export": EXPORT, "evaluate": EVALUATE, "benchmark": BENCHMARK},
        "sections": [section for section in sections if section],
    }
    path.write_text(json.dumps(held, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _use(spec: ModelSpec) -> Json:
    return {
        "title": "What it is for",
        "text": [
            spec.summary,
            "Intended use: research, and a second look at peripheral blood smear fields by a clinician "
            "who reads "
            "the smear. It says which of four image patterns a field is most similar to. That is not a "
            "diagnosis; "
            "confirm with flow cytometry and genetics.",
            "The labels are B-ALL maturation patterns, not stages of disease: Early is Early Pre-B, Pre "
            "is Pre-B, "
            "Pro is Pro-B. Benign means hematogones. No label stands for an entity of a classification "
            "of disease.",
        ],
        "points": [
            "Not for screening, diagnosis, staging, treatment or follow-up, nor for use without a reader.",
            "Not for single-cell crops, bone marrow sections, tissue, other stains, or other blood diseases.",
        ],
    }


def _data(spec: ModelSpec, evaluation: Mapping[str, Any]) -> Json:
    split = evaluation["split"]
    rows = [[role, *map(str, split["counts"][role]), str(sum(split["counts"][role]))] for role in ROLES]
    return {
        "title": "Data",
        "text": [
            f"{spec.training_data} Source: {spec.source}. Its licence is unverified; no image of it is "
            f"part of this "
            "project.",
            f"Blocks of {BLOCK} consecutive file numbers of a class stay together, because neighbours "
            f"come from one "
            f"patient. The data set has 89 patients but no patient ids, so no split by patient is "
            f"possible and "
            f"neighbouring blocks may share one. Split seed {split['seed']}; sha256 over all files "
            f"{split['files_sha256']}.",
        ],
        "tables": [_table("Images per part of the split", ["part", *CLASSES, "all"], rows, FIT)],
    }


def _results(evaluation: Mapping[str, Any]) -> Json:
    test, baselines = evaluation["test"], evaluation["baselines"]
    classes = [
        [
            name,
            str(one["images"]),
            _percent(one["sensitivity"]),
            _between(one["sensitivity_interval"], True),
            _percent(one["specificity"]),
            _between(one["specificity_interval"], True),
        ]
        for name, one in test["classes"].items()
    ]
    compared = [["this model", _number(test["macro_f1"]), _percent(test["accuracy"])]]
    names = {
        "mean colour": "mean red, green, blue and logistic regression",
        "majority class": "commonest class",
    }
    compared += [[names[n], _number(b["macro_f1"]), _percent(b["accuracy"])] for n, b in baselines.items()]
    matrix = [[name, *map(str, row)] for name, row in zip(CLASSES, test["confusion"], strict=True)]
    return {
        "title": "Results on held-out blocks",
        "text": [
            f"{test['images']} images in {test['blocks']} blocks that took part in no fit and set no limit. "
            "All of them are counted here, those that the gate would refuse too."
        ],
        "figures": [
            _figure("Macro-F1", _number(test["macro_f1"]), EVALUATE, _between(test["macro_f1_interval"])),
            _figure("Accuracy", _percent(test["accuracy"]), EVALUATE, _between(test["accuracy_interval"], True)),
            _figure("Macro-F1 of the images that pass the gate", _number(test["macro_f1_passed"]), EVALUATE),
        ],
        "tables": [
            _table(
                "Per class (Wilson 95 % intervals)",
                ["class", "images", "sensitivity", "95 %", "specificity", "95 %"],
                classes,
                EVALUATE,
            ),
            _table("Confusion: rows are labels, columns are answers", ["label", *CLASSES], matrix, EVALUATE),
            _table(
                "The same images, answered by colour alone",
                ["answered by", "macro-F1", "accuracy"],
                compared,
                EVALUATE,
            ),
        ],
        "pictures": [
            {
                "file": "confusion.png",
                "alt": "Confusion matrix of the held-out blocks; the table above has the numbers",
                "caption": "Images per label and answer. Intervals of whole figures are bootstrapped over blocks.",
            }
        ],
    }


def _calibration_text(found: Mapping[str, Any]) -> list[str]:
    told = ["One temperature, fitted on the validation blocks, is part of the graph."]
    if found["ece"] > found["ece_before"]:
        told.append(
            "On the test blocks it made the probabilities worse, not better: the validation blocks were harder. "
            "It is served as fitted, for choosing it by the test blocks would make their figures worthless."
        )
    return told


def _calibration(evaluation: Mapping[str, Any]) -> Json:
    found = evaluation["calibration"]
    return {
        "title": "Are the probabilities right?",
        "text": _calibration_text(found),
        "figures": [
            _figure("ECE before temperature", _number(found["ece_before"]), EVALUATE),
            _figure("ECE as served", _number(found["ece"]), EVALUATE, _between(found["ece_interval"])),
            _figure("Temperature", _number(found["temperature"]), FIT),
        ],
        "pictures": [
            {
                "file": "calibration.png",
                "alt": "Reliability diagram: share of right answers against their probability",
                "caption": "Each dot is a bin of equal width; its size is the number of images. On the "
                "line, the "
                "probability is what it says.",
            }
        ],
    }


def _robustness(evaluation: Mapping[str, Any]) -> Json:
    rows = [
        [
            row["copies"],
            _number(row["macro_f1"]),
            _number(row["ece"]),
            _percent(row["passed"]),
            _number(row["macro_f1_passed"]),
        ]
        for row in evaluation["robustness"]
    ]
    headings = ["held-out images", "macro-F1", "ECE", "pass the gate", "macro-F1 of those"]
    return {
        "title": "Other colours, sharpness and sizes",
        "tables": [_table("Changed copies of the held-out blocks", headings, rows, EVALUATE)],
        "pictures": [
            {
                "file": "robustness.png",
                "alt": "Bars of macro-F1 and gate acceptance per kind of change; same numbers",
                "caption": "Changed by Pillow and scikit-image, not by the augmentation of the training.",
            }
        ],
    }


def _gate(evaluation: Mapping[str, Any]) -> Json:
    test, fitted = evaluation["test"], evaluation["gate_fit"]
    real = [
        [one["source"], str(one["images"]), _percent(one["refused"]), _between(one["interval"], True)]
        for one in evaluation["gate"]
    ]
    alone = [
        [name, _percent(fitted["held_out"][name]), _percent(share)] for name, share in fitted["leave_one_out"].items()
    ]
    return {
        "title": "What it refuses",
        "text": [
            "Quality first (size, brightness, contrast, focus), then how like its training fields the image "
            "looks to the network. Limits come from validation blocks alone."
        ],
        "figures": [
            _figure(
                "Held-out images scored",
                _percent(test["passed"]),
                EVALUATE,
                _between(test["passed_interval"], True),
            )
        ],
        "tables": [
            _table(
                "Real images of other kinds that the gate was not fitted on (Wilson 95 % intervals)",
                ["source", "images", "refused", "95 %"],
                real,
                EVALUATE,
            ),
            _table(
                "Domain part alone: held-out images of a kind it knows, and a kind left out of the fit entirely",
                ["source", "kind known", "kind never seen"],
                alone,
                EXPORT,
            ),
        ],
        "pictures": [
            {
                "file": "gate.png",
                "alt": "Bars of the refused share per source, with and without its kind in the fit",
                "caption": "A kind that was never seen is the better guess for what a clinic will upload by mistake.",
            }
        ],
    }


def _cost(evaluation: Mapping[str, Any]) -> Json | None:
    """Speed and size, when the benchmark has been run."""
    if "benchmark" not in evaluation:
        return None
    names = {
        "parameters": "Parameters",
        "file_mb": "Files, MB",
        "onnx_predict_ms": "Reading, ms, ONNX Runtime",
        "onnx_explain_ms": "Heat map, ms, ONNX Runtime",
        "torch_predict_ms": "Reading, ms, torch",
    }
    found = evaluation["benchmark"]
    return {
        "title": "Cost",
        "text": [f"Medians on {found['machine']}, one thread, one image at a time."],
        "figures": [_figure(text, f"{found[name]:,}", BENCHMARK) for name, text in names.items()],
    }


def _faults() -> Json:
    return {
        "title": "Known shortcuts and failures",
        "points": [
            "Stain and exposure alone tell the classes apart far better than chance: see the colour "
            "baseline. "
            "Training jitters colour and drops it for a fifth of the images; the grey copies show what "
            "is left.",
            "The scale bar differs between classes, so its corner (36×36 of 224) is hidden from the "
            "network and "
            "anything in it is invisible.",
            "One speck of sensor dust stands at the same place in many images of all classes; it is not hidden.",
            "Errors come in runs of neighbouring file numbers, mostly Pre answered as Early: one patient "
            "or one "
            "slide misread as a whole. On new patients expect worse than the figures above.",
            "A field of another disease, or of healthy blood in this laboratory's stain, still gets one "
            "of four "
            "names if it passes the gate.",
            "The heat map (Grad-CAM, 7×7) shows where the answer's evidence lay in this network, "
            "coarsely. It may "
            "rest on red cells or background; it is no outline of blasts.",
        ],
    }


def _made(spec: ModelSpec, evaluation: Mapping[str, Any]) -> Json:
    found = evaluation["provenance"]
    versions = [[name, one] for name, one in found["versions"].items()]
    files = [[name, digest] for name, digest in found["files"].items()]
    worst = evaluation["gate_fit"]["parity"]
    return {
        "title": "How it was made",
        "text": [spec.preprocessing, spec.licence],
        "figures": [
            _figure("Largest difference of a probability, torch to ONNX", f"{worst['probabilities']:.1e}", EXPORT),
            _figure("Largest difference of the heat map, torch to ONNX", f"{worst['heatmap']:.1e}", EXPORT),
        ],
        "tables": [
            _table("Files measured", ["file", "sha256"], files, EVALUATE),
            _table("Versions", ["package", "version"], versions, EVALUATE),
        ],
    }
