"""A clinic's own version beside the one it started from: both as served, on groups that neither has learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tqdm import tqdm

from models.engine import Engine
from models.imaging.drawn import DRAWN_PREFIX
from models.own_versions import COMPARISON, read_manifest
from models.spec import Micrograph, ModelSpec
from models.training.protocol.own import Base, Example, base_of, pixels_of, record, write_manifest
from models.training.protocol.pairs import Pair
from models.training.protocol.plan import Plan, read_json
from models.training.protocol.tuning import NOT_SHOWN, Tuning


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
        **tuning.judge(spec, pairs, plan.seed),
    }
    found["warnings"] = [*found["warnings"], *_drawn(examples)]
    write_manifest(found, plan.manifest.with_name(f"{plan.stem}{COMPARISON}"))
    if spec.demonstration:
        shown = tuning.shown is not None and not _drawn(examples) and tuning.shown(spec, pairs, examples, plan.seed)
        told = "" if shown else NOT_SHOWN.format(tuning.blind)
        write_manifest(read_json(plan.manifest) | {"demonstration": told}, plan.manifest)
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


def _drawn(examples: Sequence[Example]) -> list[str]:
    count = sum(one.path.name.lower().startswith(DRAWN_PREFIX) for one in examples)
    return [f"{count} of the images were drawn by a program and are no patient’s."] if count else []


def _tell(found: dict[str, Any]) -> None:
    for row in found["rows"]:
        sides = (f"{side} {row[side]['value']}" for side in ("candidate", "active", "difference"))
        print(row["name"], *sides, sep="\t")
    for line in (*found["notes"], *found["warnings"], f"{found['verdict']}: {found['sentence']}"):
        print(line)
