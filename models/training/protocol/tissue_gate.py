"""Fits the gate of a tissue system from the shared eye: the system only says what belongs to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from models import gate
from models.gate import Domain
from models.imaging.resize import squash
from models.spec import Micrograph, Pixels
from models.training.protocol import gatefit, outliers
from models.training.protocol.augment import Strength, recolour, reshape, restain, wear
from models.training.protocol.eye import Eyes
from models.training.protocol.gatefit import Inside, Outside
from models.training.protocol.outliers import Source
from models.training.protocol.plan import Plan
from models.zoo._eye import SIDE, quality_of

Fields = NDArray[np.uint8]

STRENGTH = Strength(
    hue=0.12, saturation=(0.75, 1.3), gain=0.06, brightness=0.12, contrast=0.2, stain=0.25, stain_shift=0.03,
    grey=0.0, blur=1.0,
)
"""How far in-domain views are moved: as far as stains and cameras differ, not as far as another stain."""
COPIES = 3
MOST = 600
"""In-domain views fitted on, at most; more of the same kind teach a gate nothing."""


@dataclass(frozen=True, kw_only=True)
class Belonging:
    """What is in-domain, by part, and what else a gate is shown.

    `kinds` maps families of `outliers.PATTERNS` (and "photographs") to the system's kinds; `blur` and `nothing`
    name the kinds of defocused in-domain views and of generated pictures. `view` gives the views that serving
    takes of a whole image; outside images are seen through it too.
    """

    train: Sequence[Pixels]
    validation: Sequence[Pixels]
    kinds: Mapping[str, str]
    blur: str
    nothing: str
    view: Callable[[Micrograph], Sequence[Pixels]]
    um_per_px: float | None = None
    """Pixel size that outside images are read at, where the system asks for one."""
    extra: Sequence[Source] = ()
    """Further out-of-domain images that only this system knows of."""


def fit_tissue_gate(plan: Plan, belonging: Belonging, domain: Domain) -> dict[str, Any]:
    """Writes `<stem>.gate.npz`; gives the refused share per source, held out and by kinds never seen."""
    eyes = Eyes(plan.weights)
    train, validation = (_some(views, plan.seed) for views in (belonging.train, belonging.validation))
    inside = Inside(
        train=np.concatenate([eyes.embed(train), eyes.embed(_moved(train, COPIES, plan.seed))]),
        clean=eyes.embed(validation),
        moved=eyes.embed(_moved(validation, COPIES, plan.seed + 1)),
    )
    outside = _outside(plan, belonging, domain, eyes, (train, validation))
    quality = quality_limits([*belonging.train, *belonging.validation])
    parameters = gatefit.fit_gate(inside, outside, quality, len(domain.kinds), plan.seed)
    gatefit.save(parameters, plan.weights / f"{plan.stem}.gate.npz")
    alone = {}
    if not plan.quick:
        alone = gatefit.leave_one_out(inside, outside, quality, len(domain.kinds), plan.seed)
    return {
        "accepted_clean": float(gatefit.accepted(parameters, inside.clean).mean()),
        "accepted_moved": float(gatefit.accepted(parameters, inside.moved).mean()),
        "held_out": {one.name: float(1 - gatefit.accepted(parameters, one.test).mean()) for one in outside},
        "images": {one.name: len(one.test) for one in outside},
        "leave_one_out": alone,
        "quality": quality,
    }


def quality_limits(views: Sequence[Pixels]) -> dict[str, float]:
    """Limits with a margin below what in-domain views measure, for `gate.check_quality`."""
    found = [quality_of([view], Micrograph(pixels=view)) for view in views[:: max(1, len(views) // 400)]]
    sharpness = np.quantile([one.sharpness for one in found], 0.005)
    contrast = np.quantile([one.contrast for one in found], 0.005)
    brightness = np.quantile([one.brightness for one in found], (0.005, 0.995))
    return {
        "side": 0.6 * min(one.shorter_side for one in found),
        "dark": float(max(20.0, 0.7 * brightness[0])),
        "bright": float(min(253.0, 255 - 0.5 * (255 - brightness[1]))),
        "blank": float(0.25 * contrast),
        "contrast": float(0.6 * contrast),
        "sharpness": float(0.7 * sharpness),
    }


def _some(views: Sequence[Pixels], seed: int) -> Fields:
    chosen = np.random.default_rng(seed).permutation(len(views))[:MOST]
    return np.stack([squash(views[int(i)], SIDE) for i in chosen])


def _moved(fields: Fields, copies: int, seed: int) -> Fields:
    """Augmented copies of fields (n, 224, 224, 3)."""
    torch.manual_seed(seed)
    made = []
    for start in tqdm(range(0, len(fields) * copies, 32), desc="augmented views", leave=False):
        chosen = np.arange(start, min(start + 32, len(fields) * copies)) % len(fields)
        batch = torch.from_numpy(fields[chosen]).permute(0, 3, 1, 2).float() / 255
        batch = wear(recolour(restain(reshape(batch, STRENGTH), STRENGTH), STRENGTH), STRENGTH)
        made.append((batch.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy())
    return np.concatenate(made)


def _outside(
    plan: Plan, belonging: Belonging, domain: Domain, eyes: Eyes, inside: tuple[Fields, Fields]
) -> list[Outside]:
    """Real images of other kinds as serving would see them, and what is made by code."""
    rng = np.random.default_rng(plan.seed)
    found = []
    for source in (*outliers.real_sources(plan.data, belonging.kinds), *belonging.extra):
        kept, held = gatefit.deal(source, plan.seed)
        if plan.quick:
            kept, held = kept[:20], held[:20]
        fit = [*_seen(kept, belonging), *outliers.crops(kept, min(200, 8 * len(kept)), (0.3, 1.0), rng)]
        fit = outliers.lightly_varied(outliers.fields_of(fit), plan.seed)
        found.append(_embedded(source, domain, eyes, fit, outliers.fields_of(_seen(held, belonging))))
    train, held_fields = inside[0][:300], inside[1][:100]
    blurred = Source(name="defocused views", family="defocused views", kind=belonging.blur, images=())
    made = (outliers.defocused(train, rng), outliers.defocused(held_fields, rng))
    found.append(_embedded(blurred, domain, eyes, *made))
    nothing = Source(name="generated", family="generated", kind=belonging.nothing, images=())
    found.append(_embedded(nothing, domain, eyes, outliers.generated(400, rng), outliers.generated(100, rng)))
    return found


def _seen(images: Sequence[Pixels], belonging: Belonging) -> list[Pixels]:
    """One view per image, the middle one of those that serving takes."""
    seen = []
    for pixels in images:
        views = belonging.view(Micrograph(pixels=pixels, um_per_px=belonging.um_per_px))
        seen.append(views[len(views) // 2] if len(views) else pixels)
    return seen


def _embedded(source: Source, domain: Domain, eyes: Eyes, fit: Fields, test: Fields) -> Outside:
    return Outside(
        name=source.name, family=source.family, kind=domain.kinds.index(source.kind),
        fit=eyes.embed(fit), test=eyes.embed(test),
    )


def passes(images: Sequence[Pixels], parameters: Mapping[str, NDArray[Any]], eyes: Eyes) -> NDArray[np.bool_]:
    """Which single views the whole gate lets pass, quality and domain: for evaluations."""
    sound = [
        not gate.check_quality(quality_of([one], Micrograph(pixels=one)), parameters) for one in images
    ]
    return np.array(sound) & gatefit.accepted(parameters, eyes.embed(list(images)))
