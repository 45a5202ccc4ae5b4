"""Measures the four hybrids side by side: what they answer at the common size, what they cost at 224."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from sklearn.metrics import confusion_matrix

from models.catalogue import Catalogue
from models.imaging.resize import squash
from models.training.leukemia.benchmark import cost
from models.training.leukemia.compare import fit_compared, side_of
from models.training.leukemia.data import CLASSES, Part, load_parts
from models.training.leukemia.export import write_graphs
from models.training.leukemia.teach import logits_of
from models.training.protocol import plots
from models.training.protocol.calibrate import expected_calibration_error, probabilities
from models.training.protocol.cards import Json, between, number, percent, picture, section, table
from models.training.protocol.graphs import load_network
from models.training.protocol.measures import block_bootstrap, macro_f1
from models.training.protocol.plan import Plan, read_json, write_json
from models.training.protocol.shifts import SHIFTS
from models.training.protocol.speed import least_ms
from models.zoo._smear import SIDE

SERVED = "leukemia"
HYBRIDS = {
    SERVED: "MobileNetV3 + LSTM",
    "leukemia-efficientnetb3-bigru": "EfficientNetB3 + Bi-GRU",
    "leukemia-efficientnetb3-vit": "EfficientNetB3 + ViT",
    "leukemia-xception-bigru": "Xception + Bi-GRU",
}
MOVED = ("stain H ×1.25, E ×0.8", "stain H ×0.8, E ×1.25", "hue +18°", "white balance warm", "grey")
RECORD = "hybrids.json"


def plan_of(plan: Plan, key: str) -> Plan:
    """The run that holds a hybrid's fit by the common protocol; the served one's has a folder of its own."""
    folder = plan.out / "compared" if key == SERVED else plan.out.with_name(f"{key}-1")
    return replace(plan, key=key, out=folder)


def compare(plan: Plan) -> dict[str, Any]:
    """What every hybrid costs, and what those answer that were fitted by the common protocol.

    The served one is fitted here if it was not; the others take `fit` of their own.
    """
    if not (plan_of(plan, SERVED).out / "network.pt").exists():
        fit_compared(plan_of(plan, SERVED))
    found = {}
    for key, name in HYBRIDS.items():
        mine = plan_of(plan, key)
        found[name] = _spent(mine)
        if (mine.out / "network.pt").exists():
            found[name] |= _answered(mine)
        else:
            print(f"{name} was not fitted: python -m models.training fit {key}")
    return found


def _spent(plan: Plan) -> dict[str, Any]:
    """Size and speed at 224 pixels: they are the same for any weights."""
    torch.manual_seed(plan.seed)
    network = Catalogue()[plan.key].build().eval()
    with TemporaryDirectory() as folder:
        files = write_graphs(network, Path(folder), plan.stem, SIDE)
        return cost(network, {name: files[name] for name in ("predict", "explain")}, least_ms)


def _answered(plan: Plan) -> dict[str, Any]:
    network = load_network(Catalogue()[plan.key].build(), plan.out / "network.pt")
    test, side = load_parts(plan)["test"], side_of(plan)
    return {
        "recipe": read_json(plan.out / "recipe.json"),
        **answers(network, test, side, plan.seed),
        "moved": {name: _moved_f1(network, test, side, name) for name in MOVED},
    }


def answers(network: Any, test: Part, side: int, seed: int) -> dict[str, Any]:
    """Accuracy, macro-F1 and calibration on held-out blocks, at the size that was taught."""
    scores = _scores(network, test.fields, side)
    said, labels = scores.argmax(1), test.labels
    return {
        "accuracy": float((said == labels).mean()),
        "macro_f1": macro_f1(labels, said),
        "macro_f1_interval": block_bootstrap(lambda i: macro_f1(labels[i], said[i]), test.blocks, seed),
        "ece": expected_calibration_error(scores, labels),
        "confusion": confusion_matrix(labels, said, labels=range(len(CLASSES))).tolist(),
    }


def _moved_f1(network: Any, test: Part, side: int, shift: str) -> float:
    moved = np.stack([SHIFTS[shift](field) for field in test.fields])
    return macro_f1(test.labels, _scores(network, moved, side).argmax(1))


@torch.no_grad()
def _scores(network: Any, fields: np.ndarray[Any, Any], side: int) -> np.ndarray[Any, Any]:
    """Calibrated probabilities (n, 4) of fields (n, 224, 224, 3)."""
    sized = np.stack([squash(field, side) for field in fields])
    return probabilities(logits_of(network, sized).numpy(), float(network.temperature))


def publish(plan: Plan, found: Mapping[str, Any]) -> None:
    """`hybrids.json` and its drawings beside the card."""
    folder = plan.card_folder
    write_json(found, folder / RECORD)
    fitted = _fitted(found)
    if not fitted:
        return
    for name, one in fitted.items():
        plots.confusion(one["confusion"], CLASSES, folder / _drawn(name), name)
    names = list(fitted)
    series = {
        "accuracy": [fitted[name]["accuracy"] for name in names],
        "macro-F1": [fitted[name]["macro_f1"] for name in names],
    }
    plots.bars(names, series, folder / "hybrids.png", "Held-out blocks, from random weights")
    moved = {name: [fitted[name]["moved"][shift] for shift in MOVED] for name in names}
    plots.bars(MOVED, moved, folder / "hybrids-moved.png", "Macro-F1 on changed copies of the held-out blocks")


def _fitted(found: Mapping[str, Any]) -> dict[str, Any]:
    """Those that have answers, not only costs."""
    return {name: one for name, one in found.items() if "accuracy" in one}


def _drawn(name: str) -> str:
    """File of a hybrid's confusion matrix."""
    return f"hybrid-{list(HYBRIDS.values()).index(name) + 1}.png"


def describe(plan: Plan, found: Mapping[str, Any]) -> Json:
    """The card's section."""
    fitted, command = _fitted(found), plan.command("benchmark")
    machine = next(iter(found.values()))["machine"]
    text = [
        "What this does not show: how the large networks would do from an ImageNet start, at 224 pixels, or with "
        "many more epochs. For none of that were weights or time at hand.",
    ]
    if fitted:
        recipe = next(iter(fitted.values()))["recipe"]
        text.insert(
            0,
            "Fitted from random weights on the same blocks with the same augmentation, optimiser, "
            f"{recipe['epochs']} epochs and {recipe['side']}-pixel images, so that only the networks differ. The "
            "served weights are others: they began from ImageNet, at 224 pixels; their figures are above.",
        )
    missing = [name for name in found if name not in fitted]
    if missing:
        names = ", ".join(missing)
        text.append(f"Not fitted by the common protocol for want of time, so only their cost is here: {names}.")
    quality = [
        [name, percent(one["accuracy"]), number(one["macro_f1"]), between(one["macro_f1_interval"]), number(one["ece"])]
        for name, one in fitted.items()
    ]
    moved = [[shift, *(number(one["moved"][shift]) for one in fitted.values())] for shift in MOVED]
    spent = [
        [name, f"{one['parameters'] / 1e6:.2f} M", f"{one['file_mb']:.1f}", f"{one['torch_predict_ms']:.1f}",
         f"{one['onnx_predict_ms']:.1f}", f"{one['onnx_explain_ms']:.1f}"]
        for name, one in found.items()
    ]
    tables = [
        table(f"Cost at 224 pixels on {machine}: one thread, one image, the least of 60 calls in ms; float16 weights",
              ["hybrid", "parameters", "files, MB", "torch", "ONNX Runtime", "heat map"], spent, command),
        table("Held-out blocks, common protocol", ["hybrid", "accuracy", "macro-F1", "95 %", "ECE"], quality, command),
        table("Macro-F1 on changed copies", ["held-out images", *fitted], moved, command),
    ]
    pictures = [
        picture("hybrids.png", "Bars of accuracy and macro-F1 per hybrid; same numbers as the second table"),
        picture("hybrids-moved.png", "Bars of macro-F1 per change and hybrid; same numbers as the third table"),
        *(picture(_drawn(name), f"Confusion matrix of {name}: {one['confusion']}", name)
          for name, one in fitted.items()),
    ]
    shown = (tables, pictures) if fitted else (tables[:1], [])
    return section("Four hybrids under one protocol", text=text, tables=shown[0], pictures=shown[1])
