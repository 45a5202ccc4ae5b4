"""Fine-tuning iSight's answers on a clinic's own: the heads that are asked, and the attention where images are many.

The encoder stays, so every image is seen once: its tokens wait in the run's folder.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from models.training.isight.export import parity, write_files
from models.training.isight.fit import patches_of
from models.training.isight.table import OPTIONS, Answered, read_table
from models.training.protocol import own
from models.training.protocol.calibrate import fit_temperature
from models.training.protocol.compare_answers import better_than_the_commonest, of_answers
from models.training.protocol.fitted import finish, teach
from models.training.protocol.graphs import load_network
from models.training.protocol.own import LEAST_CALIBRATING, Base, Example
from models.training.protocol.plan import Plan
from models.training.protocol.rates import relative
from models.training.protocol.splits import Role
from models.training.protocol.table import ANSWERS, LEAST_GROUPS, TableError
from models.training.protocol.trainer import Pace, Trainer
from models.training.protocol.tuning import Tuning
from models.zoo._isight.words import CELLS, QUESTIONS
from models.zoo.isight import build

HEADS = {one.key: index for index, one in enumerate(QUESTIONS)}
SHARE = 0.02
"""Of a weight's own size: how far it moves in one step, at first."""
BATCH = 16
LEAST_ATTENDED = 200
"""Images to learn from, from which on the attention is taught too."""
MOST_PATCHES = 16
"""Of an image, evenly spread: what the attention is taught on, and what waits in the run's folder."""
PARITY_BAGS = 8
TOKENS = "tokens.pt"
UNKNOWN = -100
"""In the place of an answer that nobody gave; cross-entropy passes over it."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Tokens of each image (patches, positions, width), and its answers (n, questions) as indexes of options."""

    tokens: Sequence[Tensor]
    answers: Tensor


class Answers:
    """The trainer's task: whole bags, as they are."""

    def __init__(self, parts: Mapping[Role, Part], asked: Sequence[str], *, attended: bool, network: Any) -> None:
        self.train, self.validation = parts["train"], parts["validation"]
        self.heads, self.attended = [HEADS[key] for key in asked], attended
        self.steps = max(1, math.ceil(len(self.train.tokens) / BATCH))
        self.pooled = None if attended else {id(part): _pooled(network, part.tokens) for part in parts.values()}

    def batches(self) -> Iterator[Tensor]:
        yield from torch.randperm(len(self.train.tokens)).split(BATCH)

    def loss(self, network: Any, batch: Tensor) -> Tensor:
        return self._loss(self.logits(network, self.train, batch), self.train.answers[batch])

    def logits(self, network: Any, part: Part, chosen: Tensor) -> list[Tensor]:
        """Of each taught question (n, options)."""
        if self.pooled is None:
            pooled = _pooled(network, [part.tokens[int(index)] for index in chosen])
        else:
            pooled = self.pooled[id(part)][chosen]
        every = network.answer(pooled, torch.zeros(len(chosen), len(CELLS)))
        return [every[head] for head in self.heads]

    def _loss(self, logits: Sequence[Tensor], answers: Tensor) -> Tensor:
        """The sum over questions; one that nobody of this batch answered adds nothing."""
        losses = [F.cross_entropy(some, answers[:, index], ignore_index=UNKNOWN, reduction="sum")
                  / max(1, int((answers[:, index] != UNKNOWN).sum())) for index, some in enumerate(logits)]
        return torch.stack(losses).sum()

    @torch.no_grad()
    def worth(self, network: Any) -> dict[str, float]:
        """Loss, and accuracy over all answers, on the validation images."""
        network.eval()
        logits = self.logits(network, self.validation, torch.arange(len(self.validation.tokens)))
        answers = self.validation.answers
        right = torch.stack([some.argmax(1) == answers[:, index] for index, some in enumerate(logits)], dim=1)
        return {"loss": float(self._loss(logits, answers)), "accuracy": float(right[answers != UNKNOWN].float().mean())}


def _pooled(network: Any, bags: Sequence[Tensor]) -> Tensor:
    return torch.cat([network.attend(bag.float())[1] for bag in bags])


def fit(plan: Plan) -> None:
    """`network.pt`: the base with the asked heads taught, the epoch of the lowest validation loss."""
    own.begin(plan)
    found = examples(plan)
    own.record(plan, found)
    asked = taught_questions(found)
    torch.manual_seed(plan.seed)
    network = load_network(build(), own.base_of(plan).files["torch"])
    parts = parts_of(plan, network, found, asked)
    attended = len(parts["train"].tokens) >= LEAST_ATTENDED
    with torch.no_grad():
        task = Answers(parts, asked, attended=attended, network=network)
    taught = (*(f"classifiers.{HEADS[key]}." for key in asked), *(("attention_net",) if attended else ()))
    pace = Pace(epochs=plan.epochs or (3 if plan.quick else 60), patience=8, decay=0.0,
                average=0.8 if plan.quick else 0.9, frozen_norm=True, start_competes=True)
    trainer = Trainer(network, task, pace, relative(network.named_parameters(), taught, SHARE), plan.out)
    network, learnt = teach(plan, trainer), trainer.best_epoch > 0
    if learnt:
        calibrate(network, task, asked)
    finish(plan, network, learnt=learnt, epoch=trainer.best_epoch, questions=list(asked), attention=attended)


@torch.no_grad()
def calibrate(network: Any, task: Answers, asked: Sequence[str]) -> None:
    """A temperature for each taught question with enough validation answers; the others keep theirs."""
    held = task.validation
    for index, (key, logits) in enumerate(zip(asked, task.logits(network, held, torch.arange(len(held.tokens))),
                                              strict=True)):
        known = held.answers[:, index] != UNKNOWN
        if int(known.sum()) >= LEAST_CALIBRATING:
            answers = held.answers[known, index].numpy()
            network.temperature[HEADS[key]] = fit_temperature(logits[known].numpy(), answers)


def taught_questions(found: Sequence[Example]) -> tuple[str, ...]:
    """The questions of which every option has images in three groups, some of them to learn from. Raises TableError.

    The others keep their heads: an option without images would be unlearnt.
    """
    asked, told = [], []
    for key, options in OPTIONS.items():
        missing = [option for option in options if not _taught(found, key, option)]
        if not missing:
            asked.append(key)
        elif any(key in (one.answers or {}) for one in found):
            told.append(f"{key} is not taught: too few groups of images with {' or '.join(missing)}.")
    if not asked:
        raise TableError("\n".join(["There is no question to learn: every option of one needs images of at least "
                                    f"{LEAST_GROUPS} groups.", *told]))
    if told:
        print("\n".join(told))
    return tuple(asked)


def _taught(found: Sequence[Example], key: str, option: str) -> bool:
    mine = [one for one in found if (one.answers or {}).get(key) == option]
    return len({one.group for one in mine}) >= LEAST_GROUPS and any(one.role == "train" for one in mine)


def parts_of(plan: Plan, network: Any, found: Sequence[Example], asked: Sequence[str]) -> dict[Role, Part]:
    """Images that teach and choose, as tokens with answers to the taught questions."""
    roles: tuple[Role, ...] = ("train", "validation")
    mine = {role: [one for one in found if one.role == role and set(asked) & set(one.answers or {})] for role in roles}
    if not all(mine.values()):
        raise TableError("There are too few groups to learn from some, to choose by others and to test on more.")
    tokens = tokens_of(plan, network, [one.path for role in roles for one in mine[role]])
    parts = {}
    for role in roles:
        indexes = [[_index(one, key) for key in asked] for one in mine[role]]
        parts[role] = Part(tokens=[tokens[one.path.name] for one in mine[role]], answers=torch.tensor(indexes))
    return parts


def _index(one: Example, key: str) -> int:
    answer = (one.answers or {}).get(key)
    return UNKNOWN if answer is None else OPTIONS[key].index(answer)


@torch.no_grad()
def tokens_of(plan: Plan, network: Any, paths: Sequence[Path]) -> dict[str, Tensor]:
    """The encoder's tokens of each image by file name, in half precision; kept in the run's folder."""
    kept = plan.out / TOKENS
    if plan.resume and kept.exists():
        held: dict[str, Tensor] = torch.load(kept, weights_only=True)
        return held
    found = {}
    for path in tqdm(paths, desc="encoding", leave=False):
        bag = patches_of(own.pixels_of(path))
        some = bag[np.linspace(0, len(bag) - 1, min(len(bag), MOST_PATCHES)).astype(int)]
        found[path.name] = torch.cat([network.encode(torch.from_numpy(one[None])) for one in some]).half()
    torch.save(found, kept)
    return found


def examples(plan: Plan) -> list[Example]:
    """The answered images, dealt. Raises TableError."""
    rows = read_table(plan.data)
    roles = own.roles_of(plan, [row.group for row in rows], [row.path for row in rows])
    return [_example(row, role) for row, role in zip(rows, roles, strict=True)]


def _example(row: Answered, role: Role) -> Example:
    return Example(path=row.path, group=row.group, stratum=0, role=role, answers=row.answers)


def write(plan: Plan, base: Base) -> tuple[dict[str, Path], dict[str, float]]:
    """The graph of the answers and the torch weights; encoder and gate stay as they are."""
    files = write_files(load_network(build(), plan.out / "network.pt"), plan.weights, plan.stem)
    some = [one.path for one in examples(plan) if one.role == "validation"][:PARITY_BAGS]
    bags = [patches_of(own.pixels_of(path))[:MOST_PATCHES] for path in some]
    files["encode"].unlink()
    worst = parity(load_network(build(), files["torch"]), files | {"encode": base.files["encode"]}, bags)
    return {name: path for name, path in files.items() if name != "encode"}, worst


TUNING = Tuning(table=ANSWERS, fit=fit, write=write, examples=examples, judge=of_answers,
                shown=better_than_the_commonest, blind="the commonest answer")
