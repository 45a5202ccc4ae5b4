"""What a fit sees: drawn images, or a clinic's own, as fields of 256×256 with their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models.imaging.decode import decode
from models.imaging.resize import squash
from models.scoring.pancreas import ITEMS
from models.spec import Pixels
from models.training.pancreas.drawn import Drawing, Range, draw_pancreas, independent
from models.training.pancreas.table import Scored, read_table
from models.training.protocol.dealing import deal
from models.training.protocol.own import FILE_LIMITS, base_of
from models.training.protocol.plan import Plan
from models.training.protocol.splits import ROLES, Role, record_split
from models.zoo.pancreas import CROP, SIDES

MAXIMA = np.array([one.most for one in ITEMS], np.float32)
COUNTS: dict[Role, int] = {"train": 2000, "validation": 100, "test": 200}
QUICK: dict[Role, int] = {"train": 96, "validation": 24, "test": 24}
SHAPES = ((256, 256), (300, 240), (288, 288), (256, 320))
"""Sizes (width, height) that training images are drawn in; serving squashes them all to one."""
DRAWN_FILE = "drawn.npz"


@dataclass(frozen=True, kw_only=True)
class Part:
    """Fields (n, 256, 256, 3) and their scores as shares of the maxima (n, 4)."""

    fields: NDArray[np.uint8]
    shares: NDArray[np.float32]


def field_of(pixels: Pixels) -> Pixels:
    """An image of any size to (256, 256, 3), of which the network sees the middle."""
    return squash(squash(pixels, SIDES[0]), SIDES[1])


def middle(fields: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fields (n, 256, 256, 3) as served, (n, 224, 224, 3)."""
    margin = (SIDES[1] - CROP) // 2
    return fields[:, margin : margin + CROP, margin : margin + CROP]


def drawings(
    role: Role, count: int, seed: int, stain: Range = "usual", scores: Sequence[tuple[float, ...]] | None = None
) -> list[Drawing]:
    """What to draw for one role. No two roles, ranges or seeds share a drawing."""
    start = 10_000_000 * seed + 1_000_000 * ROLES.index(role) + 100_000 * ("usual", "strong", "weak").index(stain)
    rng = np.random.default_rng((seed, start, len(scores or ())))
    start += 50_000 * (scores is not None)
    chosen = independent(rng, count) if scores is None else scores
    shapes = rng.integers(0, len(SHAPES), count)
    return [
        Drawing(scores=tuple(some), seed=start + number, stain=stain, size=SHAPES[shapes[number]])
        for number, some in enumerate(chosen[:count])
    ]


def drawn_part(wanted: Sequence[Drawing], what: str) -> Part:
    """The drawings, drawn."""
    fields = [field_of(draw_pancreas(one)) for one in tqdm(wanted, desc=f"drawing {what}", leave=False)]
    return Part(fields=np.stack(fields), shares=np.array([one.scores for one in wanted], np.float32) / MAXIMA)


def drawn_parts(plan: Plan) -> dict[Role, Part]:
    """Train and validation, drawn once per run: the other verbs find them in the run's folder."""
    path = plan.out / DRAWN_FILE
    counts = QUICK if plan.quick else COUNTS
    if not path.exists():
        made = {role: drawn_part(drawings(role, counts[role], plan.seed), role) for role in ROLES[:2]}
        arrays = {f"{role}-{name}": getattr(part, name) for role, part in made.items() for name in ("fields", "shares")}
        np.savez(path, **arrays)
    with np.load(path) as held:
        return {role: Part(fields=held[f"{role}-fields"], shares=held[f"{role}-shares"]) for role in ROLES[:2]}


def scored_parts(plan: Plan) -> dict[Role, Part]:
    """A clinic's own images by role, whole specimens on one side; the split is recorded in `split.json`."""
    rows = read_table(plan.data)
    roles = roles_of(rows, plan)
    by_role = {role: [row for row, mine in zip(rows, roles, strict=True) if mine == role] for role in ROLES}
    paths = {role: [row.path for row in some] for role, some in by_role.items()}
    counts = {role: len(some) for role, some in by_role.items()}
    record_split(plan.seed, paths, counts, plan.out)
    return {role: _read_part(some) for role, some in by_role.items()}


def roles_of(rows: Sequence[Scored], plan: Plan) -> list[Role]:
    """The side of each image, whole specimens on one."""
    groups = [row.group for row in rows]
    return deal(groups, [0] * len(rows), plan.seed, base_of(plan).sides(groups, [row.path for row in rows]))


def _read_part(rows: Sequence[Scored]) -> Part:
    fields = [field_of(decode(row.path.read_bytes(), FILE_LIMITS).pixels) for row in tqdm(rows, leave=False)]
    return Part(fields=np.stack(fields), shares=np.array([row.scores for row in rows], np.float32) / MAXIMA)


def counted(parts: Mapping[Role, Part]) -> dict[str, int]:
    """Images per role."""
    return {role: len(part.fields) for role, part in parts.items()}
