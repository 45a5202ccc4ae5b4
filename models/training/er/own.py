"""Fine-tuning both stages on nuclei that a clinic's readers corrected: the decoder's last blocks, the last layers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from models.spec import Micrograph
from models.training.er import patches
from models.training.er.batches import stacked
from models.training.er.corrected import piece_of
from models.training.er.data import VOID
from models.training.er.export import parity, write_graphs
from models.training.er.fit import stage_one_loss
from models.training.er.held import Held, held_of, met
from models.training.er.render import Piece
from models.training.er.served import Served
from models.training.er.table import CLASSES, Corrected, read_table
from models.training.er.tail import given_of, tail_of
from models.training.protocol import own
from models.training.protocol.compare_nuclei import agreement, of_nuclei
from models.training.protocol.fitted import finish, teach
from models.training.protocol.graphs import load_network
from models.training.protocol.own import Base, Example
from models.training.protocol.plan import Plan
from models.training.protocol.rates import relative
from models.training.protocol.splits import Role, spread
from models.training.protocol.table import READINGS, TableError
from models.training.protocol.trainer import Pace, Task, Trainer
from models.training.protocol.tuning import Tuning
from models.zoo._er.network import build_network
from models.zoo._er.regions import PATCH
from models.zoo._er.tiles import EDGE, SIDE

TUNED_GRADER = ("3", "6")
"""Stage 2's last residual block and its linear layer."""
SHARE = 0.01
"""Of a weight's own size: how far it moves in one step, at first."""
BATCH, LEAST_STEPS = 4, 8
MOST_TILES = 16
"""Of an image, evenly spread."""
Parts = Mapping[Role, Sequence[Piece]]


class Corrections:
    """Stage 1's task for its tail, judged by nuclei: a lower loss over pixels may still split and join them worse."""

    def __init__(self, network: Any, train: Sequence[Piece], held: Sequence[Held]) -> None:
        self.train = [seen(network, tile) for piece in train for tile in tiled(padded(piece))]
        self.held = held
        self.steps = math.ceil(len(self.train) / BATCH)

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        for chosen in torch.randperm(len(self.train)).split(BATCH):
            yield together([self.train[int(index)] for index in chosen])

    def loss(self, network: Any, batch: tuple[Tensor, Tensor]) -> Tensor:
        return stage_one_loss(network(batch[0]), batch[1])

    def worth(self, network: Any) -> dict[str, float]:
        """The share of nuclei in the reader's class on the validation images, and what it lacks of one."""
        agreed = agreement(np.stack([met(network.eval(), one) for one in self.held]))
        return {"loss": 1 - agreed, "agreement": agreed}


def seen(network: Any, tile: Piece) -> tuple[Tensor, Tensor]:
    """What the tail is given of a tile (16, 128, 128), and the tile's classes (256, 256)."""
    image, labels = stacked([tile])
    return given_of(network, image)[0], labels[0]


def together(some: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """A batch."""
    return torch.stack([one for one, _ in some]).float(), torch.stack([labels for _, labels in some])


class Squares:
    """Stage 2's task: squares in which one class stands out, each class as likely."""

    def __init__(self, parts: Parts) -> None:
        self.train, self.held = ([one for piece in parts[role] for one in patches.squares_of(piece)]
                                 for role in ("train", "validation"))
        self.steps = max(LEAST_STEPS, math.ceil(len(self.train) / patches.BATCH))
        labels = torch.tensor([label for _, label in self.train], dtype=torch.long)
        self.weight = 1.0 / torch.bincount(labels, minlength=len(CLASSES))[labels]

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        size = min(patches.BATCH, len(self.train))
        for chosen in torch.multinomial(self.weight, self.steps * size, replacement=True).split(size):
            images, labels = patches.stacked([self.train[int(index)] for index in chosen])
            yield torch.rot90(images, int(torch.randint(4, ())), (2, 3)), labels

    def loss(self, network: Any, batch: tuple[Tensor, Tensor]) -> Tensor:
        return F.cross_entropy(network(batch[0]), batch[1], label_smoothing=0.05)

    @torch.no_grad()
    def worth(self, network: Any) -> dict[str, float]:
        """The share of validation squares whose class is right, and what it lacks of one."""
        images, labels = patches.stacked(self.held)
        right = float((network.eval()(images).argmax(1) == labels).float().mean())
        return {"loss": 1 - right, "accuracy": right}


def padded(piece: Piece) -> Piece:
    """Mirrored beyond its edges, as serving mirrors it, and at least one tile large. Nothing beyond them is learnt."""
    beyond = [(EDGE, max(EDGE, SIDE - EDGE - side)) for side in piece.labels.shape]
    return Piece(pixels=np.pad(piece.pixels, [*beyond, (0, 0)], mode="symmetric"),
                 labels=np.pad(piece.labels, beyond, constant_values=VOID))


def cut_at(piece: Piece, top: int, left: int) -> Piece:
    """One tile, without classes where serving throws away what is read: the network sees nothing beyond a tile."""
    here = slice(top, top + SIDE), slice(left, left + SIDE)
    labels = np.full((SIDE, SIDE), VOID, np.uint8)
    labels[EDGE:-EDGE, EDGE:-EDGE] = piece.labels[here][EDGE:-EDGE, EDGE:-EDGE]
    return Piece(pixels=piece.pixels[here], labels=labels)


def tiled(piece: Piece) -> list[Piece]:
    """Tiles that cover a padded image, the last of each row and column moved back into it; of many, some evenly spread.
    """
    height, width = piece.labels.shape
    step = SIDE - 2 * EDGE
    places = [(min(top, height - SIDE), min(left, width - SIDE))
              for top in range(0, height - 2 * EDGE, step) for left in range(0, width - 2 * EDGE, step)]
    return [cut_at(piece, *places[i]) for i in spread(len(places), MOST_TILES)]


def fit(plan: Plan) -> None:
    """`network.pt`: the base with the ends of both stages taught, each at its epoch that is right most often.

    Stage 2 only where stage 1 has learnt: the comparison counts nuclei, and could not judge it alone.
    """
    own.begin(plan)
    found, base = examples(plan), own.base_of(plan)
    own.record(plan, found)
    parts = pieces_of(found, base, ("train", "validation"))
    network = load_network(build_network(), base.files["torch"]).to(memory_format=torch.channels_last)
    torch.manual_seed(plan.seed)
    told = {"epoch": _taught(plan, tail_of(network), segmenting(network, found, parts), ("",), "segmenter")}
    squares = Squares(parts)
    if told["epoch"] and squares.train and squares.held:
        torch.manual_seed(plan.seed)
        told["grader_epoch"] = _taught(plan, network.grader, squares, TUNED_GRADER, "grader")
    finish(plan, network, learnt=told["epoch"] > 0, **told)


def segmenting(network: Any, found: Sequence[Example], parts: Parts) -> Corrections:
    """Stage 1's task, with everything that does not change computed."""
    chosen = tqdm([one for one in found if one.role == "validation"], desc="validation images", leave=False)
    return Corrections(network, parts["train"], [held_of(network, micrograph_of(one), one.nuclei) for one in chosen])


def _taught(plan: Plan, network: Any, task: Task, layers: tuple[str, ...], folder: str) -> int:
    """Teaches the layers whose names begin so; gives the epoch that was best, 0 being the start."""
    pace = Pace(epochs=plan.epochs or (2 if plan.quick else 20), patience=4, decay=0.0, frozen_norm=True,
                average=0.8 if plan.quick else 0.95, bf16=plan.bf16, start_competes=True)
    trainer = Trainer(network, task, pace, relative(network.named_parameters(), layers, SHARE), plan.out / folder)
    teach(plan, trainer)
    return trainer.best_epoch


def micrograph_of(one: Example) -> Micrograph:
    return Micrograph(pixels=own.pixels_of(one.path), um_per_px=one.um_per_px)


def pieces_of(found: Sequence[Example], base: Base, roles: Sequence[Role]) -> dict[Role, list[Piece]]:
    """The images of some roles with the readers' classes in the outlines that the base draws."""
    path = base.files["predict"]
    served = Served(path.parent, path.stem)
    parts: dict[Role, list[Piece]] = {role: [] for role in roles}
    for one in tqdm([one for one in found if one.role in roles], desc="outlining nuclei", leave=False):
        parts[one.role].append(piece_of(micrograph_of(one), one.nuclei, served.predict))
    return parts


def examples(plan: Plan) -> list[Example]:
    """The images with corrected nuclei, dealt. Raises TableError, also where a class would be unlearnt."""
    rows = read_table(plan.data)
    roles = own.roles_of(plan, [row.group for row in rows], [row.path for row in rows])
    found = [_example(row, role) for row, role in zip(rows, roles, strict=True)]
    taught = {nucleus.label for one in found if one.role == "train" for nucleus in one.nuclei}
    lacking = [name for name in CLASSES if name not in taught]
    if lacking:
        raise TableError(f"No {' or '.join(lacking)} nucleus would be learnt from; a class without nuclei would be "
                         "unlearnt.")
    return found


def _example(row: Corrected, role: Role) -> Example:
    return Example(path=row.path, group=row.group, stratum=0, role=role, nuclei=row.nuclei, um_per_px=row.um_per_px)


def write(plan: Plan, base: Base) -> tuple[dict[str, Path], dict[str, float]]:
    """Both graphs and the torch weights. The gate has eyes of its own, and stays as it is."""
    files = write_graphs(load_network(build_network(), plan.out / "network.pt"), plan.weights, plan.stem)
    some = [tile for one in pieces_of(examples(plan)[:8], base, ("train", "validation", "test")).values()
            for piece in one for tile in tiled(padded(piece))][:8]
    images = np.stack([one.pixels for one in some])
    network = load_network(build_network(), files["torch"])
    return files, parity(network, Served(plan.weights, plan.stem), images, images[:, :PATCH, :PATCH])


TUNING = Tuning(table=READINGS, fit=fit, write=write, examples=examples, judge=of_nuclei)
