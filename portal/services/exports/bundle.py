"""A training set as a ZIP that is sent while it is made: images, the table that `fit` reads, and what they are."""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from pathlib import PurePath
from typing import IO, Any

from portal.extensions import db
from portal.services import audit
from portal.services.exports.cells import cell_of, csv_line
from portal.services.exports.readme import readme_of
from portal.services.exports.settling import Settled
from portal.services.exports.tables import NUCLEI, NUCLEI_NAME, row_of, table_of
from portal.services.exports.training import System, charts_of, things_of, walk_settled
from portal.storage.files import Files
from portal.storage.reviewed import Reviewed, find_nuclei

PIECE = 1 << 16
TWICE = "The same picture as another one here, once its metadata is gone"
LOST = "The file is missing from the portal’s store"


class Outlet:
    """What a ZIP is written to that is sent piece by piece: it can tell where it is, and not go back."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        self._held += data
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def taken(self) -> bytes:
        held = bytes(self._held)
        self._held.clear()
        return held


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder in an archive."""

    archive: zipfile.ZipFile
    name: str
    made: datetime

    def put(self, name: str, content: IO[bytes]) -> Iterator[int]:
        """Copy a file into it, one piece per step."""
        entry = zipfile.ZipInfo(f"{self.name}/{name}", self.made.timetuple()[:6])
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o600 << 16
        with self.archive.open(entry, "w") as target:
            while piece := content.read(PIECE):
                yield target.write(piece)


@dataclass(kw_only=True)
class Tally:
    """What a bundle has come to hold, while it is made."""

    groups: dict[tuple[int, str], int] = field(default_factory=dict)
    seen: set[bytes] = field(default_factory=set)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    images: int = 0
    nuclei: int = 0

    def group(self, one: Reviewed) -> str:
        """`p1`, `p2` and so on: one per patient of one owner, so that no patient stands on two sides of a split."""
        patient = (one.owner_id, " ".join(one.patient.casefold().split()))
        return f"p{self.groups.setdefault(patient, len(self.groups) + 1)}"


def begin(actor: audit.Actor, system: System, reader_id: int | None) -> None:
    """Record that somebody takes these images away."""
    audit.record(actor, "training-set.export", f"model:{system.spec.key}", cases="all" if reader_id is None else "own")
    db.session.commit()


def stream_zip(system: System, store: Files, reader_id: int | None, made: datetime) -> Iterator[bytes]:
    """The ZIP's bytes. Images come first; the tables wait on disk until all of them are known."""
    outlet, tally, kind = Outlet(), Tally(), table_of(system.spec)
    with (zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,  # type: ignore[call-overload]
          _table(kind.columns) as table, _table(NUCLEI) as nuclei):
        folder = Folder(archive=archive, name=f"secondread-{system.spec.key}-{made:%Y-%m-%d}", made=made)
        for same, settled in walk_settled(system, reader_id):
            one, problem = same[0], settled if isinstance(settled, str) else _problem(store, same[0], tally)
            if isinstance(settled, str) or problem:
                tally.left_out[problem] += 1
                continue
            name = f"{one.image_id}-{one.sha256[:8]}{PurePath(one.stored_as).suffix}"
            with store.local(one.stored_as).open("rb") as image:
                yield from (outlet.taken() for _ in folder.put(name, image))
            beside = {"file": name, "group": tally.group(one), "serial": one.serial, "um_per_px": one.um_per_px}
            table.write(csv_line(row_of(kind, settled, beside)).encode())
            for x, y, label in _corrected(settled):
                nuclei.write(csv_line((name, x, y, cell_of(label))).encode())
                tally.nuclei += 1
            tally.images += 1
            tally.counts.update(things_of(system.spec, settled))
        for name, rows in ((kind.name, table), *([(NUCLEI_NAME, nuclei)] if tally.nuclei else [])):
            rows.seek(0)
            yield from (outlet.taken() for _ in folder.put(name, rows))
        told = readme_of(system.spec, kind, made, everyone=reader_id is None, images=tally.images,
                         nuclei=tally.nuclei, charts=charts_of(system.spec, tally.counts),
                         left_out=[(reason, number) for reason, number in tally.left_out.items() if number])
        yield from (outlet.taken() for _ in folder.put("README.txt", BytesIO(told.encode())))
    yield outlet.taken()


@contextmanager
def _table(columns: Sequence[str]) -> Iterator[IO[bytes]]:
    """A table that begins with its headings, on disk, and gone with the block."""
    with tempfile.TemporaryFile() as file:
        file.write(csv_line(columns).encode())
        yield file


def _problem(store: Files, one: Reviewed, tally: Tally) -> str:
    """Why the image cannot be in the set although its readers agree; and from now on it is known."""
    try:
        with store.local(one.stored_as).open("rb") as image:
            digest = hashlib.file_digest(image, "sha256").digest()
    except FileNotFoundError:
        return LOST
    if digest in tally.seen:
        return TWICE
    tally.seen.add(digest)
    return ""


def _corrected(settled: Settled) -> list[list[Any]]:
    """The nuclei of an image in which a reader put some into another class, less those that the reader said are none;
    nothing where nobody did.
    """
    corrections = settled.opinion.review.corrections
    if not corrections:
        return []
    nuclei = find_nuclei(settled.opinion.prediction_id)
    for number, label in corrections:
        if 0 <= number < len(nuclei):
            nuclei[number] = [*nuclei[number][:2], label]
    return [one for one in nuclei if one[2] is not None]
