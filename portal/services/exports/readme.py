"""What lies in a training set, in words for whoever opens it without the portal. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import datetime

from models.spec import ModelSpec
from portal.services.exports.tables import NUCLEI, NUCLEI_NAME, TableKind
from portal.services.exports.training import Chart

WIDTH = 100
RULE = ("Of each reader the latest review counts. An image is here when all its readers say the same, to the last step "
        "of every score. Where they do not, the reading of whoever signed a report of the case after the last review "
        "stands; otherwise the image is left out. So is one that a reader could not judge, and, where a case is read "
        "blind, one that not every reader of the case has read yet. An image that the system refused counts with the "
        "reading that was recorded by hand.")
GROUPS = ("`group` is one patient of one owner of cases, under a number that is made anew with every export: images of "
          "one group must stay on one side of every split.")
PRIVATE = ("The images are those that patients' data protection covers: without metadata, but still of patients. Keep "
           "them where patient data belongs.")
DEMONSTRATION = ("The served version of this system only demonstrates: nobody could agree with its scores, so every "
                 "reading here is a reader's own.")
CORRECTED = ("`fit` learns from the images with nuclei alone: a reading of the whole image says of no nucleus what it "
             "is.")


def readme_of(spec: ModelSpec, kind: TableKind, made: datetime, *, everyone: bool, images: int, nuclei: int,
              charts: Sequence[Chart], left_out: Sequence[tuple[str, int]]) -> str:
    """The text of README.txt."""
    fits = f"`python -m models.training fit {spec.key}` reads this folder."
    parts = [
        f"SecondRead: reviewed images as a training set\n{spec.title} ({spec.key})",
        f"Made {made:%Y-%m-%d %H:%M} UTC from {'all cases of the portal' if everyone else 'the cases of one reader'}, "
        "without any other filter. Research use only, not a diagnosis.",
        f"{kind.name}: one row per image, {images} in all, with the columns {', '.join(kind.columns)}. {fits}",
        *([f"{NUCLEI_NAME}: {nuclei} nuclei of the images in which a reader put some into another class, with the "
           f"columns {', '.join(NUCLEI)}; x and y are pixels."] if nuclei else []),
        *([CORRECTED] if spec.recount else []),
        f"How the readings were settled. {RULE}", GROUPS,
        *([DEMONSTRATION] if spec.demonstration else []), PRIVATE]
    text = "\n\n".join(_wrapped(part) for part in parts)
    for chart in charts:
        text += f"\n\n{chart.title}\n" + "\n".join(f"{bar.count:>8}  {bar.label}" for bar in chart.bars)
    if left_out:
        text += "\n\nReviewed, but left out\n" + "\n".join(f"{number:>8}  {reason}" for reason, number in left_out)
    return text + "\n"


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.fill(line, WIDTH) for line in text.split("\n"))
