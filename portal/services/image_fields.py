"""Serial and group of an image: taken from its file's name when it comes, corrected by whoever reads the case."""

from __future__ import annotations

import re

from models.scoring.serials import parse_serial
from portal.extensions import db
from portal.services import audit, pseudonyms
from portal.services.errors import BadImageField, NotFound
from portal.services.pseudonyms import Doubt
from portal.storage.images import find_image
from portal.storage.tables.cases import Image

LENGTH = 40
_ALLOWED = re.compile(r"[\w .,:/#()+-]*")
NAMES = {"serial": "The serial", "specimen_group": "The group"}


def fields_of_name(name: str) -> dict[str, str]:
    """What the file's name says; both empty where it says nothing."""
    found = parse_serial(name)
    return {"serial": found.serial if found else "", "specimen_group": found.group if found else ""}


def correct_fields(actor: audit.Actor, reader_id: int, image_id: int, serial: str, specimen_group: str) -> Image:
    """Set both, which may be empty. Raises BadImageField, or NotFound, also for somebody else's."""
    image = find_image(image_id, reader_id)
    if image is None:
        raise NotFound
    new = {"serial": serial.strip(), "specimen_group": specimen_group.strip()}
    for field, text in new.items():
        _check(field, text)
    old = {field: getattr(image, field) for field in new}
    if new != old:
        for field, text in new.items():
            setattr(image, field, text)
        codes = sorted({one for text in new.values() for one in _codes(text)})
        audit.record(actor, "image.correct", f"image:{image.id}", case=image.case_id, old=_without_doubtful(old),
                     new=_without_doubtful(new), **({"looks_like": codes} if codes else {}))
        db.session.commit()
    return image


def doubts_about(image: Image, serial: str, specimen_group: str) -> tuple[Doubt, ...]:
    """What the new ones look like that tells who somebody is; what stood there already is not asked about again.

    Raises BadImageField.
    """
    for field, text in (("serial", serial), ("specimen_group", specimen_group)):
        _check(field, text.strip())
    fresh = [text for text, held in ((serial, image.serial), (specimen_group, image.specimen_group))
             if text.strip() != held]
    return tuple({one.code: one for text in fresh for one in pseudonyms.doubts_about(text)}.values())


def _codes(text: str) -> list[str]:
    return [one.code for one in pseudonyms.doubts_about(text)]


def _without_doubtful(fields: dict[str, str]) -> dict[str, str]:
    """As the audit keeps them: what looks like a person is not written down there."""
    return {name: "(not written down)" if _codes(text) else text for name, text in fields.items()}


def _check(field: str, text: str) -> None:
    if len(text) > LENGTH:
        raise BadImageField(field, f"{NAMES[field]} has at most {LENGTH} characters.")
    if not _ALLOWED.fullmatch(text):
        raise BadImageField(field, f"{NAMES[field]} has letters, digits, blanks and . , : / # ( ) + - _ only.")
