"""The card of the pancreas scores, from what fit, export, benchmark and evaluate recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from models.scoring.pancreas import ITEMS
from models.spec import ModelSpec
from models.training.pancreas.drawn import Drawing, draw_pancreas
from models.training.pancreas.measures import NAMES
from models.training.protocol import plots, sections
from models.training.protocol.cards import Json, between, figure, number, percent, picture, section, table, write_card
from models.training.protocol.plan import Plan

INTENDED = (
    "Intended use: to show that the whole way works, from an image to four scores, their heat maps, a review and a "
    "report, until a clinic has scored images of its own to fit on.",
    "A clinic can score by hand first, from 0 to the maximum in steps of 0.25, and fit on its own scores: "
    "docs/training/pancreas.md.",
)
NOT_FOR = (
    "any statement about a patient, an animal or a study: no figure here was measured on a real section.",
    "tissue of another organ, which it cannot tell from pancreas, nor for other stains.",
)
FAULTS = (
    "It was fitted on drawings. What it says of a real section, nobody has compared with an expert.",
    "The drawings were made plainer, three times, until a short fit could read them (docs/training/pancreas.md): the "
    "results show that the pipeline learns, not how hard real tissue is.",
    "Drawings are simpler than tissue: no islets, vessels, ducts, inflammation, bleeding, folds or necrosis.",
    "The drawn scores are independent of each other; experts' scores are nearly one number (r ≥ 0.987 in 323 rows).",
    "Only the middle 224 of 256 pixels of the squashed image are read; the strip around them is not.",
    "The heat maps (7×7) show where a score's evidence lay in this network, each scaled to its own hottest place: "
    "a low score has a hot place too.",
)
HISTORY = (
    ("1", "First version: ResNet18 from a random start, fitted on drawn images. A demonstration. R² 0.594 of "
     "architecture, 0.932 of atrophy, 0.693 of complexes, 0.924 of fibrosis."),
    ("2", "The same network and drawings, twice as many of them, in one plain fit of 30 rounds on larger crops."),
)
PART, TILE = 320, 104
"""Pixels of a drawing's corner that are shown, and the size they are shown at."""


def write(spec: ModelSpec, plan: Plan, found: Mapping[str, Any]) -> None:
    """Pictures and `card.json`. `found` is the evaluation with the records of the other verbs."""
    draw(plan, found)
    parts = [
        sections.purpose(spec, INTENDED, NOT_FOR),
        _results(plan, found),
        _data(plan, found),
        _robustness(plan, found),
        _refusals(plan, found),
    ]
    if "benchmark" in found:
        parts.append(_cost(plan, found["benchmark"]))
    parts.append(section("Known failures", points=FAULTS))
    worst = found["export"]["parity"]
    told = {"a score's share of its maximum": worst["shares"], "the heat maps": worst["heatmaps"]}
    parts += [sections.parity(plan, found["provenance"], told), sections.history(plan, HISTORY)]
    write_card(spec, plan, found["provenance"], parts)


def draw(plan: Plan, found: Mapping[str, Any]) -> None:
    """One scatter plot per score, robustness.png, gate.png and drawn.png."""
    truth, said = (np.array(found["points"][name]) for name in ("truth", "said"))
    rng = np.random.default_rng(0)
    for index, item in enumerate(ITEMS):
        moved = truth[:, index] + rng.uniform(-0.08, 0.08, len(truth))  # so that equal points do not hide each other
        title = f"{item.title}: R² {found['test'][item.key]['r2']:.3f}"
        plots.scatter(moved, said[:, index], plan.card_folder / f"{item.key}.png", title, ("drawn", "answered"))
    rows = found["robustness"]
    series = {
        "worst of the four scores": [max(0.0, min(row[item.key] for item in ITEMS)) for row in rows],
        "total": [max(0.0, row["total"]) for row in rows],
    }
    copies = [row["copies"] for row in rows]
    plots.bars(copies, series, plan.card_folder / "robustness.png", "R² on the same drawings, changed", mark=0.9)
    fitted = found["export"]
    names = list(fitted["held_out"])
    shares = {
        "kind seen, images unseen": [fitted["held_out"][name] for name in names],
        "kind never seen": [fitted["leave_one_out"].get(name, 0.0) for name in names],
    }
    plots.bars(names, shares, plan.card_folder / "gate.png", "Share refused of images that are no H&E tissue")
    Image.fromarray(_examples()).quantize(128).save(plan.card_folder / "drawn.png", optimize=True)


def _examples() -> np.ndarray[Any, Any]:
    """A row per score, from 0 to its maximum, the other three at 0."""
    rows = []
    for index, item in enumerate(ITEMS):
        images = []
        for step in range(5):
            scores = [0.0] * len(ITEMS)
            scores[index] = item.most * step / 4
            drawn = draw_pancreas(Drawing(scores=tuple(scores), seed=90_000_000 + index))
            images.append(np.asarray(Image.fromarray(drawn[:PART, :PART]).resize((TILE, TILE), Image.Resampling.BOX)))
        rows.append(np.hstack(images))
    return np.vstack(rows)


def _results(plan: Plan, found: Mapping[str, Any]) -> Json:
    command = plan.command("evaluate")
    test = found["test"]
    least = min((item for item in ITEMS), key=lambda item: test[item.key]["r2"])
    first = test[least.key]
    figures = [
        figure("Least R² of the four scores, drawn images", number(first["r2"]), command, between(first["r2_interval"]))
    ]
    rows = [
        [name, number(one["r2"]), between(one["r2_interval"]), number(one["mae"], 2), percent(one["within_quarter"]),
         percent(one["within_half"])]
        for name, one in test.items()
    ]
    headings = ["score", "R²", "95 %", "mean absolute error", "within 0.25", "within 0.5"]
    caption = f"{test['total']['images']} drawings never seen, each score independent of the others"
    answered = {"this model": test, **found["baselines"]}
    compared = [[who, *(number(of[name]["r2"]) for name in NAMES)] for who, of in answered.items()]
    further = [[name, *(number(of[one]["r2"]) for one in NAMES), number(of["total"]["mae"], 2), of["total"]["images"]]
               for name, of in found["sets"].items()]
    tables = [
        table(caption, headings, rows, command),
        table("R² on the same drawings, answered by less", ["answered by", *NAMES], compared, command),
        table("R² on other drawings", ["drawings", *NAMES, "mean error of the total", "images"], further, command),
    ]
    pictures = [
        picture(f"{item.key}.png", f"Scatter plot of {item.title.lower()}: answers against the scores drawn with",
                "Each dot is a drawing; on the line the answer is right." if index == 0 else "")
        for index, item in enumerate(ITEMS)
    ]
    text = "All of these are drawn images. The intervals are bootstrapped over drawings."
    return section("Results on drawn images", text=[text], figures=figures, tables=tables, pictures=pictures)


def _data(plan: Plan, found: Mapping[str, Any]) -> Json:
    counts = {**found["fitted"]["counts"], "test": found["test"]["total"]["images"]}
    text = (
        "Drawn by models/training/pancreas/drawn.py: acini in lobules, each score from 0 to its maximum drawn as "
        "strongly as its number says, independent of the others; stain, size, light, clefts and noise vary besides. "
        f"Seed {plan.seed}: train, validation and test are drawn from numbers that no two of them share."
    )
    rows = [[role, count] for role, count in counts.items()]
    drawn = picture("drawn.png", "Drawn tissue in four rows (architecture, atrophy, complexes, fibrosis), in each from "
                    "none at the left to the maximum at the right", "Drawings, not photographs.")
    return section("Data", text=[text], tables=[table("Drawings per part", ["part", "images"], rows,
                                                      plan.command("fit"))], pictures=[drawn])


def _robustness(plan: Plan, found: Mapping[str, Any]) -> Json:
    rows = [[row["copies"], *(number(row[name]) for name in NAMES)] for row in found["robustness"]]
    changed = table("R² on changed copies of drawings", ["copies", *NAMES], rows, plan.command("evaluate"))
    drawn = picture("robustness.png", "Bars of R² of the worst score and of the total, per kind of change",
                    "Changed by Pillow and scikit-image, not by the augmentation of the training. Bars end at 0.")
    return section("Other colours, sharpness and sizes", tables=[changed], pictures=[drawn])


def _refusals(plan: Plan, found: Mapping[str, Any]) -> Json:
    passed = found["gate"]["passed"]
    drawn = passed["drawn images"]
    told = sections.refusals(plan, drawn["share"], drawn["interval"], found["gate"]["refused"], found["export"])
    told["figures"] = [
        figure(f"Scored, of {one['images']} held-out {name}", percent(one["share"]), plan.command("evaluate"),
               between(one["interval"], as_percent=True))
        for name, one in passed.items()
    ]
    told["text"].append("Tissue of other organs in haematoxylin and eosin passes: the gate cannot tell the organ.")
    return told


def _cost(plan: Plan, found: Mapping[str, Any]) -> Json:
    told = sections.cost(plan, found)
    told["figures"].append(figure("From 1600×1200 pixels to the network's input, ms", f"{found['prepare_ms']:,}",
                                  plan.command("benchmark")))
    return told
