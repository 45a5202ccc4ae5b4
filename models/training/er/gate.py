"""What belongs to the ER system: nuclear DAB at every magnification it reads; whose antibody, nobody can see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import gate
from models.spec import Micrograph, Pixels
from models.training.er.batches import gather_levels
from models.training.er.data import Scene, load_disks, load_outlined
from models.training.er.render import cut, photographed, restained
from models.training.protocol import outliers
from models.training.protocol.eye import Eyes
from models.training.protocol.gatefit import deal
from models.training.protocol.measures import wilson
from models.training.protocol.plan import Plan
from models.training.protocol.splits import Role, decode
from models.training.protocol.tissue_gate import Belonging
from models.zoo._er.read import views_of
from models.zoo._eye import quality_of
from models.zoo.er import DOMAIN

KINDS = {
    "healthy lymphocytes": "smear",
    "smears": "smear",
    "PCam": "h&e",
    "H&E": "h&e",
    outliers.PHOTOGRAPHS: "not-ihc",
}
"""Real images of other kinds. HPA's cores are IHC as well, seen from too far: none of them is fitted on."""
NEVER_FITTED = {"HPA": "not-ihc", "HPA units": "not-ihc"}
"""Sources that only the evaluation shows to the gate: whole cores, mostly stained elsewhere than in nuclei."""
SIDES = (224, 448)
"""Least and largest side of a view, in pixels of its magnification."""
VIEWS, VIEWS_QUICK = 300, 20
QUALITY = {"dark": 60.0, "bright": 247.0, "contrast": 30.0, "sharpness": 0.4}
"""Limits where they are milder than those of the crops: fields of negative tumours are paler than any Ki-67 crop."""
BELONGING_MARGIN, DISTANCE_MARGIN = 1.0, 1.25
"""Room beyond what validation views need (log-odds; a factor), for they come from the training images' laboratories
and breast ER from none of them. The refused shares on the card are measured with it."""
UNMASKED: dict[Role, tuple[str, ...]] = {"train": ("ROI_1", "ROI_127"), "validation": ("ROI_7",)}
"""Ki-67 regions without a mask, which can still show the gate what belongs."""


def belonging(plan: Plan) -> Belonging:
    """In-domain views by part, and what else the gate is shown."""
    most = VIEWS_QUICK if plan.quick else VIEWS
    return Belonging(
        train=inside_views(plan, "train", most),
        validation=inside_views(plan, "validation", max(10, most // 3)),
        kinds=KINDS,
        blur="blur",
        nothing="not-ihc",
        view=lambda micrograph: views_of(micrograph.pixels),
    )


def widened(parameters: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """A fitted gate with milder limits, so that other laboratories' sections are not refused for being new."""
    mild = dict(parameters)
    mild["dark"] = np.minimum(mild["dark"], QUALITY["dark"])
    mild["bright"] = np.maximum(mild["bright"], QUALITY["bright"])
    mild["contrast"] = np.minimum(mild["contrast"], QUALITY["contrast"])
    mild["sharpness"] = np.minimum(mild["sharpness"], QUALITY["sharpness"])
    mild["least_belonging"] = mild["least_belonging"] - BELONGING_MARGIN
    mild["most_distance"] = mild["most_distance"] * DISTANCE_MARGIN
    return mild


def refuses(pixels: Pixels, parameters: Mapping[str, NDArray[Any]], eyes: Eyes) -> bool:
    """Whether the whole gate refuses an image, by the views that serving takes."""
    views = views_of(pixels)
    if gate.check_quality(quality_of(views, Micrograph(pixels=pixels)), parameters):
        return True
    return gate.check_domain(eyes.embed(views), parameters, DOMAIN)[0].refuses


def refused_shares(plan: Plan) -> dict[str, Any]:
    """What the shipped gate does with images it was not fitted on: held-out crops, and other kinds by source."""
    with np.load(plan.weights / f"{plan.stem}.gate.npz", allow_pickle=False) as archive:
        parameters = dict(archive)
    eyes = Eyes(plan.weights)
    views = inside_views(plan, "test", 8 if plan.quick else 80)
    passed = sum(not refuses(view, parameters, eyes) for view in views)
    rows = []
    for source in outliers.real_sources(plan.data, {**KINDS, **NEVER_FITTED}):
        held = source.images if source.name in NEVER_FITTED else deal(source, plan.seed)[1]
        held = held[:5] if plan.quick else held
        refused = sum(refuses(pixels, parameters, eyes) for pixels in held)
        share = refused / len(held)
        interval = wilson(refused, len(held))
        rows.append({"source": source.name, "images": len(held), "refused": share, "interval": interval})
    return {"views": len(views), "passed": passed / len(views), "interval": wilson(passed, len(views)), "real": rows}


def inside_views(plan: Plan, role: Role, count: int) -> list[Pixels]:
    """Windows of the part's real crops, every other one restained and photographed anew, and of whole regions."""
    rng = np.random.default_rng(plan.seed + len(role))
    levels = gather_levels([*load_outlined(plan.data, role), *load_disks(plan.data, role)])
    views = [_window(levels[int(rng.integers(len(levels)))], rng, anew=number % 2 == 0) for number in range(count)]
    for name in UNMASKED.get(role, ()):
        whole = Micrograph(pixels=decode(plan.data / "ihc/deepliif_ki67" / f"{name}.png"))
        views += views_of(whole.pixels)
    return views


def _window(levels: list[Scene], rng: np.random.Generator, *, anew: bool) -> Pixels:
    scene = levels[int(rng.integers(len(levels)))]
    window = cut(scene, rng, min(int(rng.integers(SIDES[0], SIDES[1] + 1)), *scene.nuclei.shape))
    if anew and window.whole:
        window = restained(window, rng)
    return photographed(window, rng, moved=anew).pixels
