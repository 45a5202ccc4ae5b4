"""Measures the exported files, as serving runs them, on blocks that no fit and no limit has seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix
from tqdm import tqdm

from models import gate
from models.imaging.resize import squash
from models.spec import ModelSpec, Pixels
from models.training.leukemia.data import CLASSES, Part, Parts
from models.training.leukemia.gate import FAMILIES
from models.training.leukemia.served import Served
from models.training.protocol import outliers
from models.training.protocol.calibrate import calibration_bins, expected_calibration_error
from models.training.protocol.gatefit import accepted, deal
from models.training.protocol.measures import (
    block_bootstrap,
    colour_baseline,
    macro_f1,
    majority_baseline,
    per_class,
    wilson,
)
from models.training.protocol.shifts import SHIFTS
from models.zoo._smear import CORNER, SIDE


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Of n images: probabilities (n, 4), and which of them the whole gate lets pass."""

    probabilities: NDArray[np.float32]
    passed: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The files under measurement."""

    served: Served
    parameters: Mapping[str, NDArray[Any]]
    temperature: float

    def ask(self, images: Sequence[Pixels], what: str) -> Answers:
        """Gate and probabilities, both for every image: a refused one is still counted among the answers."""
        probabilities, embeddings, sound = [], [], []
        for pixels in tqdm(images, desc=what, leave=False):
            field = squash(pixels, SIDE)
            sound.append(not gate.check_quality(gate.measure(pixels, field, CORNER), self.parameters))
            answer = self.served.ask(self.served.input_of(field))
            probabilities.append(answer[0])
            embeddings.append(answer[1])
        passed = np.array(sound) & accepted(self.parameters, np.concatenate(embeddings))
        return Answers(probabilities=np.concatenate(probabilities), passed=passed)


def open_bench(spec: ModelSpec, weights: Path) -> Bench:
    """The files of a version in a folder, whatever their hashes: the evaluation records those it measured."""
    with np.load(weights / spec.graphs["gate"].name, allow_pickle=False) as archive:
        parameters = {name: archive[name] for name in archive.files}
    predict = weights / spec.graphs["predict"].name
    state = torch.load(predict.with_suffix(".pt"), map_location="cpu", weights_only=True)
    return Bench(served=Served(predict), parameters=parameters, temperature=float(state["temperature"]))


def evaluate(bench: Bench, parts: Parts, folder: Path, seed: int) -> dict[str, Any]:
    """Everything the card needs but what fit, export and benchmark recorded."""
    test = parts["test"]
    clean = bench.ask(list(test.fields), "test")
    return {
        "test": _classification(clean, test, seed),
        "calibration": _calibration(bench, parts, clean, seed),
        "robustness": _robustness(bench, test, clean),
        "baselines": _baselines(parts),
        "gate": _refusals(bench, folder, seed),
    }


def _classification(clean: Answers, test: Part, seed: int) -> dict[str, Any]:
    answers, blocks = clean.probabilities.argmax(1), test.blocks
    right, passed = answers == test.labels, int(clean.passed.sum())
    return {
        "images": len(answers),
        "blocks": len(set(blocks)),
        "confusion": confusion_matrix(test.labels, answers, labels=range(4)).tolist(),
        "macro_f1": macro_f1(test.labels, answers),
        "macro_f1_interval": block_bootstrap(lambda i: macro_f1(test.labels[i], answers[i]), blocks, seed),
        "macro_f1_passed": macro_f1(test.labels[clean.passed], answers[clean.passed]),
        "accuracy": float(right.mean()),
        "accuracy_interval": block_bootstrap(lambda i: float(right[i].mean()), blocks, seed),
        "passed": passed / len(answers),
        "passed_interval": wilson(passed, len(answers)),
        "classes": dict(zip(CLASSES, per_class(test.labels, answers, 4), strict=True)),
    }


def _calibration(bench: Bench, parts: Parts, clean: Answers, seed: int) -> dict[str, Any]:
    """Before and after the temperature; the graph holds the product, so before is its T-th power."""
    test = parts["test"]
    labels, scores = test.labels, clean.probabilities.astype(np.float64)
    raw = scores**bench.temperature
    raw /= raw.sum(axis=1, keepdims=True)
    blocks = test.blocks
    interval = block_bootstrap(lambda i: expected_calibration_error(scores[i], labels[i]), blocks, seed)
    return {
        "temperature": bench.temperature,
        "ece_before": expected_calibration_error(raw, labels),
        "ece": expected_calibration_error(scores, labels),
        "ece_interval": interval,
        "bins": calibration_bins(scores, labels),
    }


def _robustness(bench: Bench, test: Part, clean: Answers) -> list[dict[str, Any]]:
    rows = [_robust_row("as they are", clean, test)]
    for name, shift in SHIFTS.items():
        answers = bench.ask([shift(field) for field in test.fields], name)
        rows.append(_robust_row(name, answers, test))
    return rows


def _robust_row(name: str, answers: Answers, test: Part) -> dict[str, Any]:
    said = answers.probabilities.argmax(1)
    return {
        "copies": name,
        "macro_f1": macro_f1(test.labels, said),
        "macro_f1_passed": macro_f1(test.labels[answers.passed], said[answers.passed]),
        "ece": expected_calibration_error(answers.probabilities, test.labels),
        "passed": float(answers.passed.mean()),
    }


def _baselines(parts: Parts) -> dict[str, Any]:
    train, test = parts["train"], parts["test"]
    colour = colour_baseline((train.fields, train.labels), (test.fields, test.labels))
    majority = majority_baseline(train.labels, len(test.labels))
    return {
        name: {"macro_f1": macro_f1(test.labels, said), "accuracy": float((said == test.labels).mean())}
        for name, said in (("mean colour", colour), ("majority class", majority))
    }


def _refusals(bench: Bench, folder: Path, seed: int) -> list[dict[str, Any]]:
    """Real images of other kinds, at their own size, that the gate was not fitted on."""
    rows = []
    for source in outliers.real_sources(folder, FAMILIES):
        held = deal(source, seed)[1]
        refused = int((~bench.ask(held, source.name).passed).sum())
        interval = wilson(refused, len(held))
        rows.append({"source": source.name, "images": len(held), "refused": refused / len(held), "interval": interval})
    return rows
