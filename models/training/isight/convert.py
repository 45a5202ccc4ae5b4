"""Turns the published iSight checkpoint into a version of `isight-large` that this portal can run.

`python -m models.training.isight.convert CHECKPOINT DIR` checks every name and shape first, and writes nothing
when one is wrong. The checkpoint is read without running code from it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.engine import WEIGHTS
from models.installed import manifest_file
from models.training.isight.export import write_graphs
from models.training.protocol.graphs import sha256_of
from models.training.protocol.plan import write_json
from models.zoo import isight, isight_large
from models.zoo._isight.network import build_network
from models.zoo._isight.vit import PUBLISHED, Shape, vision_encoder

HELD = ("model_state_dict", "state_dict", "model")
"""Under one of these a training checkpoint keeps its weights."""
UNUSED = (
    "patch_encoder.text_model.", "patch_encoder.text_projection.", "patch_encoder.visual_projection.",
    "patch_encoder.logit_scale", "patch_encoder.vision_model.post_layernorm.",
    "patch_encoder.vision_model.embeddings.position_ids", "text_projection_to_visual_dim.",
)
"""What takes part in training only, or in no answer at all."""
OPTIONAL = ("cell_type_projection.",)
"""What a checkpoint fitted without cell types does not have."""
TOLD = 8


class CheckpointError(ValueError):
    """The file is no checkpoint of the published network; the text says what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """How a checkpoint compares with the network it should fill."""

    used: int
    ignored: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshapen: tuple[str, ...]

    @property
    def fits(self) -> bool:
        return not (self.missing or self.unexpected or self.misshapen)

    def lines(self) -> list[str]:
        """In plain words, one line each."""
        told = [f"{self.used} tensors used, {len(self.ignored)} of the text tower and other unused parts left out"]
        for names, what in (
            (self.missing, "missing from the checkpoint"),
            (self.unexpected, "not known to this network"),
            (self.misshapen, "of another shape than the published network's"),
        ):
            if names:
                more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
                told.append(f"{len(names)} {what}: {', '.join(names[:TOLD])}{more}")
        return told


def empty_network(shape: Shape = PUBLISHED) -> Any:
    """The large network without memory for its weights."""
    with torch.device("meta"):
        return build_network(vision_encoder(shape), shape.width)


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The weights of a checkpoint file by their published names. Raises CheckpointError."""
    try:
        held = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError:
        raise CheckpointError(f"{path} is not there") from None
    except Exception as error:
        raise CheckpointError(f"{path.name} cannot be read as weights alone: {error}") from error
    for name in HELD:
        if isinstance(held, Mapping) and isinstance(held.get(name), Mapping):
            held = held[name]
            break
    if not isinstance(held, Mapping):
        raise CheckpointError(f"{path.name} holds no weights by name")
    weights = {str(name).removeprefix("module."): one for name, one in held.items() if isinstance(one, Tensor)}
    if not weights:
        raise CheckpointError(f"{path.name} holds no weights by name")
    return weights


def compare(weights: Mapping[str, Tensor], network: Any) -> Report:
    """Names and shapes of a checkpoint against those of the network."""
    wanted = {name: tuple(one.shape) for name, one in network.state_dict().items() if name != "temperature"}
    ignored = tuple(sorted(name for name in weights if name.startswith(UNUSED)))
    given = {name: tuple(one.shape) for name, one in weights.items() if not name.startswith(UNUSED)}
    lacking = [name for name in wanted if name not in given]
    if all(name in lacking for name in wanted if name.startswith(OPTIONAL)):
        lacking = [name for name in lacking if not name.startswith(OPTIONAL)]
    return Report(
        used=sum(given.get(name) == shape for name, shape in wanted.items()),
        ignored=ignored,
        missing=tuple(lacking),
        unexpected=tuple(sorted(name for name in given if name not in wanted)),
        misshapen=tuple(
            f"{name} is {_sides(given[name])} instead of {_sides(shape)}"
            for name, shape in wanted.items() if name in given and given[name] != shape
        ),
    )


def _sides(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "a single number"


def fill(network: Any, weights: Mapping[str, Tensor]) -> Any:
    """The network with a checkpoint's weights, as float16 will keep them. Raises CheckpointError."""
    report = compare(weights, network)
    if not report.fits:
        raise CheckpointError("; ".join(report.lines()))
    state = {"temperature": torch.ones_like(network.temperature, device="cpu")}
    for name, empty in network.state_dict().items():
        if name in weights:
            state[name] = weights[name].half().float()
        elif name != "temperature":
            state[name] = torch.zeros_like(empty, device="cpu")
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


def convert(checkpoint: Path, folder: Path, shape: Shape = PUBLISHED, shipped: Path = WEIGHTS) -> Report:
    """Graphs, gate and manifest of `isight-large` from a checkpoint file. Raises CheckpointError, writes nothing then.

    `shipped` has the compact version's gate and the shared eye, which the large one uses too.
    """
    weights = read_checkpoint(checkpoint)
    network = empty_network(shape)
    report = compare(weights, network)
    fill(network, weights)
    spec = isight_large.SPEC
    folder.mkdir(parents=True, exist_ok=True)
    names = {
        "predict": f"{spec.key}-{spec.version}.onnx", "encode": f"{spec.key}-{spec.version}.encode.onnx",
        "gate": isight.SPEC.graphs["gate"].name, "eye": isight.SPEC.graphs["eye"].name,
    }
    for graph in ("gate", "eye"):
        if not (folder / names[graph]).exists():
            shutil.copyfile(shipped / names[graph], folder / names[graph])
    write_graphs(network, folder / names["encode"], folder / names["predict"])
    files = {graph: {"name": name, "sha256": sha256_of(folder / name)} for graph, name in names.items()}
    made = datetime.now(UTC).isoformat(timespec="seconds")
    manifest = {"key": spec.key, "version": spec.version, "made": made, "files": files, "figures": {}}
    write_json(manifest, manifest_file(spec, folder))
    return report


def main() -> int:
    """Reads the arguments, converts, and says what was done or what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m models.training.isight.convert", description=__doc__)
    parser.add_argument("checkpoint", type=Path, help="the published .pt or .pth file")
    parser.add_argument("folder", type=Path, nargs="?", default=WEIGHTS, help="the portal's folder of weights")
    asked = parser.parse_args()
    try:
        report = convert(asked.checkpoint, asked.folder)
    except CheckpointError as problem:
        print(problem, file=sys.stderr)
        return 1
    print("\n".join(report.lines()))
    print(f"Written to {asked.folder}. Try it: ./run.sh flask --app wsgi predict {isight_large.SPEC.key} FILE")
    return 0


if __name__ == "__main__":
    sys.exit(main())
