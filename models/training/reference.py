"""`python -m models.training.reference KEY`: reads real images that no fit has seen as serving does, and keeps how they
looked beside the card. Drawn images are left out, for how they look says nothing of a clinic's.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from models.card import CARDS
from models.engine import Engine
from models.imaging.decode import decode
from models.reference import seen_of
from models.spec import Micrograph
from models.training.er import data as er
from models.training.isight import cases, gate, tissue
from models.training.leukemia.data import list_samples
from models.training.pancreas.gate import section_paths
from models.training.pcam import data as pcam
from models.training.protocol.own import FILE_LIMITS
from models.training.protocol.plan import Plan, datasets_folder
from models.training.protocol.splits import ROLES, split_blocks

SEED = 20


@dataclass(frozen=True, kw_only=True)
class Held:
    """`what` the images are, as the page on drift says it after their number, and which files."""

    what: str
    files: Callable[[Plan], Sequence[Path]]


def leukemia_test(plan: Plan) -> Sequence[Path]:
    """The held-out files of `fit leukemia`."""
    samples = list_samples(plan.data)
    roles = split_blocks([sample.block for sample in samples], plan.seed)
    return [sample.path for sample, role in zip(samples, roles, strict=True) if role == "test"]


def pcam_test(plan: Plan) -> Sequence[Path]:
    """The held-out files of `fit pcam`."""
    return [patch.path for patch in pcam.load_parts(plan)["test"].patches]


def er_test(plan: Plan) -> Sequence[Path]:
    """The held-out crops of `fit er`, without their masks."""
    return [path for path in er.image_paths(plan.data, "test") if not path.stem.endswith("_mask")]


def pancreas_test(plan: Plan) -> Sequence[Path]:
    """The sections kept from the gate's fit; the scores' own images are all drawn."""
    return section_paths(plan.data)["test"]


def isight_test(plan: Plan) -> Sequence[Path]:
    """The images kept from the gate's fit, but for those whose nuclei `fit isight` drew on."""
    dealt = cases.deal(tissue.list_sources(plan.data), plan.seed)
    drawn_on = {path for role in ROLES if role != "test" for path in dealt[role]}
    return [path for path in gate.real_paths(plan.data)["test"] if path not in drawn_on]


SYSTEMS = {
    "leukemia": Held(what="held-out smear fields that the card’s figures stand on", files=leukemia_test),
    "pcam": Held(what="held-out patches that the card’s figures stand on", files=pcam_test),
    "er": Held(what="held-out crops of Ki-67 and of ER or PR sections", files=er_test),
    "pancreas": Held(what="real sections in haematoxylin and eosin kept from the gate’s fit, one of them of pancreas; "
                          "the card’s scores were measured on drawn images", files=pancreas_test),
    "isight": Held(what="real immunohistochemistry images that no fit has seen; the card’s answers were measured on "
                        "drawn images", files=isight_test),
}


def measure(engine: Engine, key: str, files: Sequence[Path], what: str) -> dict[str, Any]:
    """What is kept of the files, each decoded and read as the portal does it."""
    spec = engine.spec(key)
    values: dict[str, list[float]] = {}
    refused = 0
    for path in tqdm(files, desc="reading"):
        picture = decode(path.read_bytes(), FILE_LIMITS)
        micrograph = Micrograph(pixels=picture.pixels, um_per_px=picture.header.um_per_px)
        reading = engine.read(key, micrograph)
        refused += reading.outcome == "refused"
        for name, value in seen_of(spec, micrograph, reading).items():
            values.setdefault(name, []).append(float(f"{value:.4g}"))
    return {"key": key, "version": spec.version, "weights_sha256": spec.weights_sha256, "what": what,
            "images": len(files), "refused": refused, "command": f"python -m models.training.reference {key}",
            "values": {name: sorted(found) for name, found in values.items()}}


def main() -> None:
    """Reads the arguments, measures, writes."""
    parser = argparse.ArgumentParser(prog="python -m models.training.reference", description=__doc__)
    parser.add_argument("key", choices=sorted(SYSTEMS))
    parser.add_argument("--data", type=Path, default=datasets_folder(), help="folder of the real images")
    asked = parser.parse_args()
    engine = Engine()
    plan = Plan(key=asked.key, version=engine.spec(asked.key).version, data=asked.data,
                out=Path("runs") / f"{asked.key}-reference", seed=SEED)
    system = SYSTEMS[asked.key]
    held = measure(engine, asked.key, system.files(plan), system.what)
    (CARDS / plan.stem / "reference.json").write_text(json.dumps(held, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
