"""Measures the exported files, as serving runs them, on drawn images of sources that no fit has seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix
from tqdm import tqdm

from models.spec import Micrograph, Pixels
from models.training.isight.baselines import baselines
from models.training.isight.benchmark import runner
from models.training.isight.card import write
from models.training.isight.cases import OPTIONS, TINY, TOUCHING, TRAINED, WIDE, Case, make_cases
from models.training.isight.fit import HEADS, load_canvases, patches_of
from models.training.isight.gate import KINDS, real_images
from models.training.protocol import outliers
from models.training.protocol.calibrate import calibration_bins, expected_calibration_error
from models.training.protocol.cards import provenance
from models.training.protocol.gatefit import deal
from models.training.protocol.measures import macro_f1, per_class, wilson
from models.training.protocol.plan import Plan, read_json, write_json
from models.training.protocol.shifts import SHIFTS
from models.zoo import isight
from models.zoo._isight.read import gate_of
from models.zoo._isight.words import CELLS, QUESTIONS

Floats = NDArray[np.float64]
Shift = Callable[[Pixels], Pixels]
COUNTS = {"test": 400, "touching": 200, "wide": 60, "thumbnail": 120, "baseline": 400, "robust": 100}
QUICK = {"test": 16, "touching": 8, "wide": 4, "thumbnail": 8, "baseline": 24, "robust": 8}


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The files under measurement."""

    run: Any

    def ask(self, images: Sequence[Pixels], what: str) -> tuple[Floats, NDArray[np.bool_]]:
        """Probabilities (n, 3, 4) of every image, and which of them the gate lets pass."""
        scores, passed = [], []
        cell = np.zeros((1, len(CELLS)), np.float32)
        for pixels in tqdm(images, desc=what, leave=False):
            tokens = [self.run("encode", {"patches": patch[None]})["tokens"] for patch in patches_of(pixels)]
            answer = self.run("predict", {"tokens": np.concatenate(tokens), "cell": cell})
            scores.append([answer[name][0] for name in TRAINED])
            passed.append(self.scored(pixels))
        return np.array(scores, dtype=np.float64), np.array(passed)

    def scored(self, pixels: Pixels) -> bool:
        """Whether the whole gate lets an image pass."""
        findings = gate_of(Micrograph(pixels=pixels), self.run)
        return not findings[0].refuses


def evaluate(plan: Plan) -> None:
    """Everything the card needs, to `evaluation.json`, and the card with its pictures."""
    counts = QUICK if plan.quick else COUNTS
    canvases, bench = load_canvases(plan), Bench(run=runner(plan))

    def cases(name: str, **how: Any) -> list[Case]:
        drawn = make_cases(canvases["test"], counts[name], plan.seed + 10 + len(name), **how)
        return list(tqdm(drawn, total=counts[name], desc=f"drawing {name}", leave=False))

    test = cases("test")
    clean = bench.ask([case.pixels for case in test], "test")
    train = list(make_cases(canvases["train"], counts["baseline"], plan.seed + 5))
    found = {
        "split": read_json(plan.out / "split.json"),
        "questions": _questions(clean[0], test, plan),
        "by_source": _by(clean[0], test, [case.source for case in test]),
        "by_view": _by(clean[0], test, [_size(case) for case in test]),
        "harder": {name: _accuracy(bench, some, name) for name, some in (
            ("borders", cases("touching", bands=TOUCHING)), ("larger", cases("wide", look=WIDE)),
            ("thumbnails", cases("thumbnail", look=TINY)),
        )},
        "robustness": _robustness(bench, test[: counts["robust"]], clean[0][: counts["robust"]]),
        "baselines": baselines(train, test),
        "gate": _gate(bench, plan, clean[1]),
        "real": _real(bench, plan),
        "export": read_json(plan.out / "export.json"),
        "benchmark": read_json(plan.out / "benchmark.json") if (plan.out / "benchmark.json").exists() else {},
        "provenance": provenance(isight.SPEC, plan),
    }
    write_json(found, plan.out / "evaluation.json")
    write(plan, found)


def _size(case: Case) -> str:
    side = case.view.side // case.view.shrink
    return f"{side} px, nuclei at {(1.0, 0.7, 0.5, 0.35, 0.2)[case.view.level] / case.view.shrink:.2g} of 40×"


def _questions(scores: Floats, test: Sequence[Case], plan: Plan) -> dict[str, Any]:
    truths = np.stack([case.answers for case in test])
    state = torch.load(plan.weights / f"{plan.stem}.pt", map_location="cpu", weights_only=True)
    found = {}
    for index, name in enumerate(TRAINED):
        labels, mine = truths[:, index], scores[:, index]
        said, temperature = mine.argmax(axis=1), float(state["temperature"][HEADS[index]])
        raw = mine**temperature
        raw /= raw.sum(axis=1, keepdims=True)
        right = said == labels
        options = QUESTIONS[HEADS[index]].options
        found[name] = {
            "images": len(labels),
            "accuracy": float(right.mean()),
            "accuracy_interval": wilson(int(right.sum()), len(right)),
            "macro_f1": macro_f1(labels, said),
            "confusion": confusion_matrix(labels, said, labels=range(OPTIONS)).tolist(),
            "classes": dict(zip(options, per_class(labels, said, OPTIONS), strict=True)),
            "temperature": temperature,
            "ece_before": expected_calibration_error(raw, labels),
            "ece": expected_calibration_error(mine, labels),
            "bins": calibration_bins(mine, labels),
        }
    return found


def _shares(scores: Floats, cases: Sequence[Case]) -> dict[str, float]:
    right = scores.argmax(axis=2) == np.stack([case.answers for case in cases])
    return {"images": len(cases), **{name: float(right[:, index].mean()) for index, name in enumerate(TRAINED)}}


def _by(scores: Floats, cases: Sequence[Case], groups: Sequence[str]) -> dict[str, dict[str, float]]:
    """Accuracies by group of the cases."""
    names = np.array(groups)
    found = {}
    for name in sorted(set(groups)):
        mine = np.flatnonzero(names == name)
        found[name] = _shares(scores[mine], [cases[i] for i in mine])
    return found


def _accuracy(bench: Bench, cases: Sequence[Case], what: str) -> dict[str, float]:
    return _shares(bench.ask([case.pixels for case in cases], what)[0], cases)


def _robustness(bench: Bench, cases: Sequence[Case], clean: Floats) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{"copies": "as they are", **_shares(clean, cases)}]
    for name, shift in SHIFTS.items():
        if name.startswith("resized"):
            continue  # Patches are read at the image's own size: another size is another image, see "by view".
        scores, passed = bench.ask([shift(case.pixels) for case in cases], name)
        rows.append({"copies": name, **_shares(scores, cases), "passed": float(passed.mean())})
    return rows


def _gate(bench: Bench, plan: Plan, passed: NDArray[np.bool_]) -> dict[str, Any]:
    """Held-out images in the domain that pass, and real images of other kinds, at their own size, that do not."""
    real = real_images(plan)["test"]
    scored = sum(bench.scored(image) for image in real)
    rows = []
    for source in outliers.real_sources(plan.data, KINDS):
        held = deal(source, plan.seed)[1]
        held = held[:10] if plan.quick else held
        refused = sum(not bench.scored(image) for image in held)
        interval = wilson(refused, len(held))
        rows.append(
            {"source": source.name, "images": len(held), "refused": refused / len(held), "interval": interval}
        )
    return {
        "drawn": float(passed.mean()), "drawn_interval": wilson(int(passed.sum()), len(passed)),
        "real": scored / len(real), "real_images": len(real), "real_interval": wilson(scored, len(real)),
        "refused": rows,
    }


def _real(bench: Bench, plan: Plan) -> list[dict[str, Any]]:
    """What is said of the real cores. No label says whether it is right."""
    rows = []
    for path in sorted((plan.data / "hpa").glob("hpa_*_?.png")):
        if "mask" not in path.name:
            rows.append(_said(bench, path))
    return rows


def _said(bench: Bench, path: Path) -> dict[str, Any]:
    reading = isight.read(Micrograph(pixels=outliers.decode(path)), bench.run)
    row: dict[str, Any] = {"image": path.stem, "outcome": reading.outcome, "finding": reading.findings[0].code}
    for name in TRAINED:
        scores = reading.scores.get(name)
        row[name] = max(scores, key=scores.__getitem__) if scores else ""
        row[f"{name}_score"] = max(scores.values()) if scores else None
    return row
