"""What changed in a case between two contents of its report: pure, and never told by what a page happens to show."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.services.reports.snapshot import Content, digest_of

FIELDS = {"patient": "patient pseudonym", "specimen": "specimen", "note": "note"}
OF_IMAGE = {"um_per_px": "pixel size", "serial": "serial", "group": "group"}
VERDICTS = {"agree": "agrees with the model", "override": "own reading", "cannot-judge": "cannot be judged"}
LONGEST = 160
"""Of an old or new text in a list of changes; the report itself has the whole of it."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that is not as it was; `by` and `at` (UTC) are empty where nobody wrote them down."""

    what: str
    by: str = ""
    at: str = ""


@dataclass(frozen=True, kw_only=True)
class Outline:
    """As much of a content as tells two of them apart, by row id; what a system is called is no part of it."""

    case: Mapping[str, str]
    images: Mapping[int, Mapping[str, Any]]
    readings: Mapping[int, Change]
    reviews: Mapping[int, Change]


def outline_of(content: Content) -> Outline:
    """The outline of a content, whole or not."""
    images = content["images"]
    predictions = [(image, one) for image in images for one in image["predictions"]]
    return Outline(
        case={name: content["case"][name] for name in FIELDS},
        images={one["id"]: {name: one[name] for name in ("name", "added_by", "uploaded_at", *OF_IMAGE)}
                for one in images},
        readings={one["id"]: Change(what=f"{image['name']} was read by {one['model']} {one['version']}",
                                    at=one["created_at"]) for image, one in predictions},
        reviews={review["id"]: Change(what=_in_words(image, one, review), by=review["reader"],
                                      at=review["created_at"])
                 for image, one in predictions for review in one["reviews"]})


def list_changes(before: Outline, after: Outline) -> tuple[Change, ...]:
    """What is new or different, first of the case, then images, answers of models, reviews."""
    return (*_field_changes("The", FIELDS, before.case, after.case),
            *(Change(what=f"Image {one['name']} was added", by=one["added_by"], at=one["uploaded_at"])
              for key, one in after.images.items() if key not in before.images),
            *(change for key, one in after.images.items() if key in before.images
              for change in _field_changes(f"{one['name']}: the", OF_IMAGE, before.images[key], one)),
            *(one for key, one in after.readings.items() if key not in before.readings),
            *(one for key, one in after.reviews.items() if key not in before.reviews),
            *(Change(what=f"Image {one['name']} is no longer there") for key, one in before.images.items()
              if key not in after.images))


def fingerprint(outline: Outline, last_number: int) -> str:
    """Stands for what somebody saw who signs: the case so far, and the reports that were signed."""
    # Who brought an image in is looked up only for new ones.
    images = {key: {**one, "added_by": ""} for key, one in outline.images.items()}
    told = {name: {key: vars(one) for key, one in rows.items()}
            for name, rows in (("readings", outline.readings), ("reviews", outline.reviews))}
    return digest_of({"case": outline.case, "images": images, **told, "last": last_number})


def _field_changes(about: str, names: Mapping[str, str], before: Mapping[str, Any],
                   after: Mapping[str, Any]) -> list[Change]:
    return [Change(what=f"{about} {words} was “{_text(before[name])}” and is now “{_text(after[name])}”")
            for name, words in names.items() if before[name] != after[name]]


def _text(value: Any) -> str:
    words = "nothing" if value in ("", None) else f"{value:g}" if isinstance(value, float) else str(value)
    return textwrap.shorten(words, LONGEST, placeholder=" …")


def _in_words(image: Content, prediction: Content, review: Content) -> str:
    read = review["label"] if review["verdict"] == "override" and review["label"] else VERDICTS[review["verdict"]]
    return f"{image['name']} was reviewed ({prediction['model']}): {read}"
