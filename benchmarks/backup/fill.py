"""`python -m benchmarks.backup.fill GIGABYTES SEED`: fills the portal of the settings with files and rows.

Random bytes, which nothing makes smaller; a quarter of them is one file, as a slide would be.
"""

from __future__ import annotations

import hashlib
import random
import sys
from pathlib import Path

from flask_migrate import upgrade
from sqlalchemy import insert

from config import load_settings
from portal.app import create_app
from portal.extensions import db
from portal.storage.tables.accounts import User
from portal.storage.tables.cases import Case, Image
from portal.storage.tables.columns import now
from portal.storage.tables.operations import ModelRun

PIECE = 1_000_000
SMALL, LARGE = 1_000_000, 8_000_000
RUNS_PER_GIGABYTE, AT_ONCE = 100_000, 5000


def main() -> None:
    """Files first and their rows after them, as uploads do it."""
    wanted, chance = int(float(sys.argv[1]) * 1e9), random.Random(int(sys.argv[2]))  # noqa: S311 (nobody's secret)
    app = create_app(load_settings())
    store, part = app.extensions["files"], app.extensions["settings"].instance / "part"
    with app.app_context():
        upgrade(directory=str(app.root_path) + "/migrations")
        db.session.add(User(id=1, email="a@clinic.example", name="A", password_hash="-", role="clinician",  # noqa: S106
                            status="approved"))
        db.session.flush()
        db.session.add(Case(id=1, owner_id=1, patient="P-1", specimen="blood"))
        db.session.commit()
        left = wanted
        while left > 0:
            size = min(left, wanted // 4 if left == wanted else chance.randint(SMALL, LARGE))
            sha256 = _write(part, size, chance)
            db.session.add(Image(case_id=1, sha256=sha256, name="field.png", stored_as=store.put_file(part, ".png"),
                                 content_type="image/png", format="png", width=1, height=1, size=size))
            db.session.commit()
            left -= size
        for _ in range(int(wanted / 1e9 * RUNS_PER_GIGABYTE) // AT_ONCE):
            db.session.execute(insert(ModelRun), [{
                "at": now(), "model": "leukemia", "version": "1", "outcome": "scored", "reason": "", "findings": "",
                "ms": chance.random(), "score": chance.random()} for _ in range(AT_ONCE)])
            db.session.commit()


def _write(path: Path, size: int, chance: random.Random) -> str:
    total = hashlib.sha256()
    with path.open("wb") as out:
        for start in range(0, size, PIECE):
            piece = chance.randbytes(min(PIECE, size - start))
            total.update(piece)
            out.write(piece)
    return total.hexdigest()


if __name__ == "__main__":
    main()
