"""A clinic's own version beside the one it started from: both as served, on groups that neither has learnt from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix
from tqdm import tqdm

from models.engine import Engine
from models.imaging.drawn import DRAWN_PREFIX
from models.own_versions import COMPARISON, read_manifest
from models.spec import Measure, Micrograph, ModelSpec, Reading
from models.training.protocol.calibrate import expected_calibration_error
from models.training.protocol.measures import block_draws
from models.training.protocol.own import NOT_SHOWN, Base, Example, Tuning, base_of, pixels_of, record, write_manifest
from models.training.protocol.plan import Plan, read_json

Indexes = NDArray[np.intp]
Figure = Callable[[Indexes], float]
DRAWS = 1000
FEW_GROUPS, FEW_IMAGES = 8, 50
"""Kept-out groups below which nothing is concluded, and images below which a reader is warned."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """What both versions say of one kept-out image that both read."""

    example: Example
    candidate: Reading
    base: Reading


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One figure of both versions."""

    name: str
    better: str
    candidate: Figure
    base: Figure


def compare(plan: Plan, tuning: Tuning) -> None:
    """Writes `<key>-<version>.comparison.json` beside the manifest, and into that whether it only demonstrates."""
    manifest, base, examples = read_manifest(plan.manifest), base_of(plan), tuning.examples(plan)
    record(plan, examples)
    engine = Engine(own=plan.weights)
    spec = engine.spec(manifest.key, manifest.version)
    if manifest.own.base != base.spec.version:
        raise SystemExit(f"{manifest.stem} started from version {manifest.own.base}: name its manifest with --base.")
    kept = [one for one in examples if one.role == "test"]
    pairs, refused = read_pairs(engine, spec, base, kept)
    if not pairs:
        raise SystemExit("None of the images that were kept out is read: the gate refuses every one of them.")
    found = {
        "key": plan.key, "version": plan.version, "against": base.spec.version,
        "weights_sha256": spec.weights_sha256, "against_sha256": base.spec.weights_sha256,
        "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "images": len(pairs), "groups": len({one.example.group for one in pairs}), "refused": refused,
        "command": f"python -m models.training compare {plan.key} --data FOLDER --seed {plan.seed}",
        **(of_classes(spec, pairs, plan.seed) if spec.labels else of_measures(spec, pairs, plan.seed)),
    }
    found["warnings"] = [*found["warnings"], *_drawn(examples)]
    write_manifest(found, plan.manifest.with_name(f"{plan.stem}{COMPARISON}"))
    if spec.demonstration:
        shown = not spec.labels and not _drawn(examples) and better_than_the_mean(spec, pairs, examples, plan.seed)
        write_manifest(read_json(plan.manifest) | {"demonstration": "" if shown else NOT_SHOWN}, plan.manifest)
    _tell(found)


def read_pairs(engine: Engine, spec: ModelSpec, base: Base, kept: Sequence[Example]) -> tuple[list[Pair], int]:
    """What serving would say, and how many images one of the two refuses."""
    other = Engine(own=base.folder)
    pairs, refused = [], 0
    for one in tqdm(kept, desc="kept-out images", leave=False):
        micrograph = Micrograph(pixels=pixels_of(one.path), um_per_px=one.um_per_px)
        said = engine.read(spec.key, micrograph, spec.version)
        before = other.read(spec.key, micrograph, base.spec.version)
        if said.outcome == before.outcome == "scored":
            pairs.append(Pair(example=one, candidate=said, base=before))
        else:
            refused += 1
    return pairs, refused


def of_classes(spec: ModelSpec, pairs: Sequence[Pair], seed: int) -> dict[str, Any]:
    """Accuracy, macro-F1, calibration and sensitivities, and which version is better by macro-F1."""
    names = [label.name for label in spec.labels]
    truth = np.array([names.index(one.example.label) for one in pairs])
    readings = ([one.candidate for one in pairs], [one.base for one in pairs])
    said = [np.array([names.index(str(one.label)) for one in side]) for side in readings]
    chances = [np.array([[float(one.scores[name]) for name in names] for one in side]) for side in readings]

    def both(name: str, better: str, figure: Callable[[int, Indexes], float]) -> Compared:
        return Compared(name=name, better=better, candidate=lambda i: figure(0, i), base=lambda i: figure(1, i))

    figures = [
        both("Macro-F1", "higher", lambda side, i: _macro_f1(truth[i], said[side][i], len(names))),
        both("Accuracy", "higher", lambda side, i: float((truth[i] == said[side][i]).mean())),
        both("Calibration error", "lower", lambda side, i: expected_calibration_error(chances[side][i], truth[i])),
        *(both(f"Sensitivity, {name}", "higher", _sensitivity(truth, said, index)) for index, name in enumerate(names)),
    ]
    rows = _rows(figures, pairs, seed)
    matrices = [confusion_matrix(truth, one, labels=range(len(names))).tolist() for one in said]
    absent = [name for index, name in enumerate(names) if not (truth == index).any()]
    warnings = _few(pairs) + ([f"No image of {' or '.join(absent)} was kept out."] if absent else [])
    return {"rows": rows, "labels": names, "candidate_matrix": matrices[0], "active_matrix": matrices[1],
            **_conclusion(rows[0], pairs), "warnings": warnings, "notes": [_mcnemar(truth, said[0], said[1])]}


def _macro_f1(truth: Indexes, said: Indexes, classes: int) -> float:
    """As `measures.macro_f1`, a hundred times as fast: it is asked for every draw."""
    right = np.bincount(truth[truth == said], minlength=classes)
    either = np.bincount(truth, minlength=classes) + np.bincount(said, minlength=classes)
    return float((2 * right[either > 0] / either[either > 0]).mean())


def _sensitivity(truth: Indexes, said: Sequence[Indexes], index: int) -> Callable[[int, Indexes], float]:
    def figure(side: int, chosen: Indexes) -> float:
        mine = chosen[truth[chosen] == index]
        return float((said[side][mine] == index).mean()) if len(mine) else float("nan")

    return figure


def _mcnemar(truth: Indexes, candidate: Indexes, base: Indexes) -> str:
    """Which of the two is right where they differ; the test takes images for independent, which they are not."""
    gained = int(((candidate == truth) & (base != truth)).sum())
    lost = int(((candidate != truth) & (base == truth)).sum())
    told = f"Only the candidate is right in {gained} images, only the other version in {lost}"
    if not gained + lost:
        return f"{told}."
    chance = binomtest(gained, gained + lost).pvalue
    return (f"{told}: McNemar’s exact p = {chance:.3f}. It takes images for independent; those of one group are not, "
            "so the intervals above count before it.")


def scored_measures(spec: ModelSpec) -> tuple[Measure, ...]:
    """The scores that a reader gives, without those that follow from others."""
    return tuple(one for one in spec.measures if one.step)


def of_measures(spec: ModelSpec, pairs: Sequence[Pair], seed: int) -> dict[str, Any]:
    """R² and mean error per score, and which version is better by the mean error of all."""
    measures = scored_measures(spec)
    truth = np.array([[(one.example.scores or {})[each.key] for each in measures] for one in pairs])
    sides = ([one.candidate for one in pairs], [one.base for one in pairs])
    said = [np.array([[float(one.scores[each.key]) for each in measures] for one in side]) for side in sides]
    most = np.array([each.most or 1.0 for each in measures])
    far = [np.abs(one - truth) for one in said]

    def both(name: str, better: str, figure: Callable[[int, Indexes], float]) -> Compared:
        return Compared(name=name, better=better, candidate=lambda i: figure(0, i), base=lambda i: figure(1, i))

    figures = [both("Mean error, all scores, share of the maximum", "lower",
                    lambda side, i: float((far[side][i] / most).mean()))]
    for index, each in enumerate(measures):
        figures.append(both(f"Mean error, {each.title}", "lower", _mean_of(far, index)))
        figures.append(both(f"R², {each.title}", "higher", _explained(truth, said, index)))
    rows = _rows(figures, pairs, seed)
    return {"rows": rows, "labels": [], "candidate_matrix": [], "active_matrix": [], **_conclusion(rows[0], pairs),
            "warnings": _few(pairs), "notes": []}


def _mean_of(far: Sequence[NDArray[np.float64]], index: int) -> Callable[[int, Indexes], float]:
    return lambda side, i: float(far[side][i, index].mean())


def _explained(
    truth: NDArray[np.float64], said: Sequence[NDArray[np.float64]], index: int
) -> Callable[[int, Indexes], float]:
    def figure(side: int, chosen: Indexes) -> float:
        true, told = truth[chosen, index], said[side][chosen, index]
        spread = float(np.square(true - true.mean()).sum())
        return 1 - float(np.square(told - true).sum()) / spread if spread else float("nan")

    return figure


def better_than_the_mean(
    spec: ModelSpec, pairs: Sequence[Pair], examples: Sequence[Example], seed: int
) -> bool:
    """Whether the candidate's error is surely less, for each score, than that of always giving the mean score."""
    if len({one.example.group for one in pairs}) < FEW_GROUPS:
        return False
    learnt = [one.scores or {} for one in examples if one.role != "test"]
    for each in scored_measures(spec):
        mean = float(np.mean([one[each.key] for one in learnt]))
        truth = np.array([(one.example.scores or {})[each.key] for one in pairs])
        said = np.array([float(one.candidate.scores[each.key]) for one in pairs])
        gain = np.abs(said - truth) - np.abs(mean - truth)
        drawn = [float(gain[i].mean()) for i in block_draws(_blocks(pairs), seed, DRAWS)]
        if float(np.quantile(drawn, 0.975)) >= 0:
            return False
    return True


def _blocks(pairs: Sequence[Pair]) -> list[tuple[int, int]]:
    """The group of each image, by stratum."""
    names = sorted({one.example.group for one in pairs})
    return [(one.example.stratum, names.index(one.example.group)) for one in pairs]


def _rows(figures: Sequence[Compared], pairs: Sequence[Pair], seed: int) -> list[dict[str, Any]]:
    """Every figure of both and its difference, with intervals over the same draws of whole groups."""
    every = np.arange(len(pairs))
    draws = list(block_draws(_blocks(pairs), seed, DRAWS))
    rows = []
    for one in tqdm(figures, desc="intervals", leave=False):
        here = one.candidate(every), one.base(every)
        drawn = np.array([(one.candidate(i), one.base(i)) for i in draws])
        rows.append({
            "name": one.name, "better": one.better,
            "candidate": _value(here[0], drawn[:, 0]), "active": _value(here[1], drawn[:, 1]),
            "difference": _value(here[0] - here[1], drawn[:, 0] - drawn[:, 1]),
        })
    return rows


def _value(value: float, drawn: NDArray[np.float64]) -> dict[str, float | None]:
    known = drawn[np.isfinite(drawn)]
    low, high = (np.quantile(known, (0.025, 0.975)).tolist() if len(known) else (None, None))
    return {"value": value if np.isfinite(value) else None, "low": low, "high": high}


def _conclusion(row: dict[str, Any], pairs: Sequence[Pair]) -> dict[str, str]:
    """Better or worse only where the whole interval of the difference says so, and enough groups stand behind it."""
    gap, groups = row["difference"], len({one.example.group for one in pairs})
    told = f"{row['name']}: a difference of {gap['value']:+.3f} ({gap['low']:+.3f} to {gap['high']:+.3f})"
    if groups < FEW_GROUPS:
        return {"verdict": "cannot-tell",
                "sentence": f"{told}, but only {groups} groups were kept out: too few to say which is better."}
    sign = 1 if row["better"] == "higher" else -1
    if sign * gap["low"] > 0 and sign * gap["high"] > 0:
        return {"verdict": "better", "sentence": f"{told} in favour of the candidate on {len(pairs)} images."}
    if sign * gap["low"] < 0 and sign * gap["high"] < 0:
        return {"verdict": "worse", "sentence": f"{told} against the candidate on {len(pairs)} images."}
    return {"verdict": "cannot-tell", "sentence": f"{told}: these images do not say which of the two is better."}


def _few(pairs: Sequence[Pair]) -> list[str]:
    groups = len({one.example.group for one in pairs})
    warnings = []
    if groups < FEW_GROUPS:
        warnings.append(f"Only {groups} groups were kept out; from {FEW_GROUPS} on, something is concluded.")
    if len(pairs) < FEW_IMAGES:
        warnings.append(f"Only {len(pairs)} images were kept out: small differences cannot be seen.")
    return warnings


def _drawn(examples: Sequence[Example]) -> list[str]:
    count = sum(one.path.name.lower().startswith(DRAWN_PREFIX) for one in examples)
    return [f"{count} of the images were drawn by a program and are no patient’s."] if count else []


def _tell(found: dict[str, Any]) -> None:
    for row in found["rows"]:
        sides = (f"{side} {row[side]['value']}" for side in ("candidate", "active", "difference"))
        print(row["name"], *sides, sep="\t")
    for line in (*found["notes"], *found["warnings"], f"{found['verdict']}: {found['sentence']}"):
        print(line)
