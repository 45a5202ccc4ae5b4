"""Measures the exported files, as serving runs them, on patches that no fit and no limit has seen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import confusion_matrix, roc_auc_score, roc_curve

from models.spec import Micrograph
from models.training.pcam import mosaics, teacher
from models.training.pcam.card import write
from models.training.pcam.data import Part, load_parts
from models.training.pcam.fit import QUICK, logits_of
from models.training.pcam.gate import FAMILIES, OUTSIDE_UM, sections
from models.training.pcam.served import Served
from models.training.pcam.threshold import rates
from models.training.protocol import outliers
from models.training.protocol.calibrate import calibration_bins, expected_calibration_error
from models.training.protocol.cards import provenance
from models.training.protocol.gatefit import deal
from models.training.protocol.graphs import load_network
from models.training.protocol.measures import block_bootstrap, colour_baseline, majority_baseline, wilson
from models.training.protocol.plan import Plan, read_json, write_json
from models.training.protocol.shifts import SHIFTS
from models.training.protocol.splits import Role, spread
from models.zoo._pcam.network import network
from models.zoo._pcam.rules import THRESHOLD
from models.zoo.pcam import SPEC, read

Chances = NDArray[np.floating[Any]]
MOVED = 120
"""Test patches whose changed copies are read."""
OTHER_THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


def evaluate(plan: Plan) -> None:
    """`evaluation.json`, and the card with its pictures."""
    parts = load_parts(plan, QUICK if plan.quick else None)
    served, test = Served(plan.weights), parts["test"]
    chances = served.chances(test.pixels, "test")
    found: dict[str, Any] = {
        "test": _results(chances, test, plan.seed),
        "variants": _variants(plan, chances, test),
        "calibration": _calibration(plan, chances, test),
        "passed": _passed(served, test),
        "robustness": _robustness(served, test),
        "baselines": _baselines(parts, served, plan.out),
        "gate": _refusals(plan, served),
        "sections": _sections(plan, served),
        "mosaics": _mosaics(parts, served, chances, plan.seed),
        "provenance": provenance(SPEC, plan),
    }
    write_json(found, plan.out / "evaluation.json")
    describe(plan)


def describe(plan: Plan) -> None:
    """The card and its pictures, from what the verbs recorded."""
    found: dict[str, Any] = read_json(plan.out / "evaluation.json")
    for name in ("split", "export", "benchmark", "threshold"):
        if (plan.out / f"{name}.json").exists():
            found[name] = read_json(plan.out / f"{name}.json")
    write(SPEC, plan, found)


def _area(chances: Chances, part: Part, seed: int) -> dict[str, Any]:
    def area(chosen: NDArray[np.intp]) -> float:
        return float(roc_auc_score(part.labels[chosen], chances[chosen]))

    every = np.arange(len(part.labels))
    return {"auc": area(every), "auc_interval": block_bootstrap(area, part.blocks, seed)}


def _results(chances: Chances, test: Part, seed: int) -> dict[str, Any]:
    said = (chances >= THRESHOLD).astype(np.int64)
    right = said == test.labels
    return {
        "images": len(test.labels),
        "blocks": len(set(test.blocks)),
        **rates(chances, test.labels, THRESHOLD),
        **_area(chances, test, seed),
        "accuracy_interval": block_bootstrap(lambda chosen: float(right[chosen].mean()), test.blocks, seed),
        "confusion": confusion_matrix(test.labels, said, labels=range(2)).tolist(),
        "thresholds": [rates(chances, test.labels, threshold) for threshold in OTHER_THRESHOLDS],
    }


def _curve(chances: Chances, part: Part) -> list[list[float]]:
    false, true, _ = roc_curve(part.labels, chances)
    kept = spread(len(false), 200)
    return [false[kept].tolist(), true[kept].tolist()]


def _variants(plan: Plan, chances: Chances, test: Part) -> list[dict[str, Any]]:
    """With attention as served, and the head without it by torch: its weights are in the run's folder alone."""
    plain = load_network(network(attention=False), plan.out / "without-attention.pt")
    other = expit(logits_of(plain, test.pixels).double().numpy() / float(plain.temperature))
    threshold = read_json(plan.out / "threshold.json")["without-attention"]["threshold"]  # type: ignore[index]
    found = []
    for name, some, limit, net in (
        ("with attention (served)", chances, THRESHOLD, network(attention=True)),
        ("without attention", other, threshold, plain),
    ):
        parameters = sum(one.numel() for one in net.parameters())
        figures = {**rates(some, test.labels, limit), **_area(some, test, plan.seed)}
        found.append({"variant": name, "parameters": parameters, **figures, "curve": _curve(some, test)})
    return found


def _pair(chances: Chances) -> Chances:
    """Probabilities (n, 2) of both classes."""
    return np.stack([1 - chances, chances], axis=1).astype(np.float64)


def _calibration(plan: Plan, chances: Chances, test: Part) -> dict[str, Any]:
    """Before and after the temperature; the graph holds the quotient, so before is its T-fold logit."""
    temperature = read_json(plan.out / "threshold.json")["network"]["temperature"]  # type: ignore[index]
    sure = np.clip(chances.astype(np.float64), 1e-7, 1 - 1e-7)
    raw = expit(np.log(sure / (1 - sure)) * temperature)
    scores = _pair(chances)
    interval = block_bootstrap(
        lambda chosen: expected_calibration_error(scores[chosen], test.labels[chosen]), test.blocks, plan.seed
    )
    return {
        "temperature": temperature,
        "ece_before": expected_calibration_error(_pair(raw), test.labels),
        "ece": expected_calibration_error(scores, test.labels),
        "ece_interval": interval,
        "bins": calibration_bins(scores, test.labels),
    }


def _passed(served: Served, test: Part) -> dict[str, Any]:
    passed = int(served.passed(list(test.pixels)).sum())
    return {"share": passed / len(test.labels), "interval": wilson(passed, len(test.labels))}


def _robustness(served: Served, test: Part) -> list[dict[str, Any]]:
    """Changed copies of evenly chosen test patches; changes of size would only say that a large image is tiled."""
    chosen = spread(len(test.labels), MOVED)
    labels, patches = test.labels[chosen], [test.pixels[i] for i in chosen]
    shifts = {name: shift for name, shift in SHIFTS.items() if not name.startswith("resized")}
    rows = []
    for name, shift in {"as they are": lambda patch: patch, **shifts}.items():
        copies = [shift(patch) for patch in patches]
        chances = served.chances(copies, name)
        rows.append({
            "copies": name,
            "images": len(copies),
            "auc": float(roc_auc_score(labels, chances)),
            "accuracy": rates(chances, labels, THRESHOLD)["accuracy"],
            "ece": expected_calibration_error(_pair(chances), labels),
            "passed": float(served.passed(copies).mean()),
        })
    return rows


def _baselines(parts: Mapping[Role, Part], served: Served, out: Path) -> dict[str, Any]:
    """Colour alone, the commoner class, and a linear probe on ImageNet features, which also taught."""
    train, test = parts["train"], parts["test"]
    chances = teacher.answers(test.pixels, served.eyes, out)
    colour = colour_baseline((train.pixels, train.labels), (test.pixels, test.labels))
    majority = majority_baseline(train.labels, len(test.labels))
    return {
        "mean colour": {"accuracy": float((colour == test.labels).mean())},
        "majority class": {"accuracy": float((majority == test.labels).mean())},
        "ImageNet probe": {
            "accuracy": float(((chances >= 0.5) == test.labels).mean()),
            "auc": float(roc_auc_score(test.labels, chances)),
        },
    }


def _refusals(plan: Plan, served: Served) -> list[dict[str, Any]]:
    """Real images of other kinds that the gate was not fitted on, read whole as serving would."""
    rows = []
    for source in outliers.real_sources(plan.data, FAMILIES):
        held = deal(source, plan.seed)[1]
        said = [read(Micrograph(pixels=one, um_per_px=OUTSIDE_UM), served.run).outcome for one in held]
        refused = said.count("refused")
        rows.append({
            "source": source.name, "images": len(held), "refused": refused / len(held),
            "interval": wilson(refused, len(held)),
        })
    return rows


def _mosaics(parts: Mapping[Role, Part], served: Served, chances: NDArray[np.float32], seed: int) -> dict[str, Any]:
    """Rules for a slide score: thresholds by the validation patches, figures by the test patches."""
    validation, test = parts["validation"], parts["test"]
    limits = mosaics.thresholds(served.chances(validation.pixels, "validation"), validation.labels, seed)
    return {"limits": limits, "rows": mosaics.compare(chances, test.labels, limits, seed + 1)}


def _sections(plan: Plan, served: Served) -> list[dict[str, Any]]:
    """H&E of other organs, read as larger images: how many are scored, and how many of their tiles are called."""
    rows: dict[str, dict[str, Any]] = {}
    for one in sections(plan.data)["test"]:
        row = rows.setdefault(one.name, {"name": one.name, "images": 0, "scored": 0, "tiles": 0, "called": 0,
                                         "metastatic": 0})
        reading = read(one.image, served.run)
        row["images"] += 1
        if reading.outcome == "scored":
            row["scored"] += 1
            row["tiles"] += int(reading.scores["tiles"])
            row["called"] += int((reading.layers[0].values >= THRESHOLD).sum())
            row["metastatic"] += reading.label == "metastatic"
    return list(rows.values())
