"""A portal with one more system: a file put into a folder of models, and its weights beside the portal's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from flask import Flask

from models.catalogue import ZOO, Catalogue
from models.engine import WEIGHTS, Engine

RAINBOW = Path(__file__).parent / "zoo" / "rainbow.py"


def meant_rainbow(folder: Path) -> Path:
    """The same system as one whose scores are no demonstration."""
    path = folder / "meant" / RAINBOW.name
    path.parent.mkdir()
    text = RAINBOW.read_text(encoding="utf-8")
    path.write_text(text.replace('demonstration="It was fitted on made-up rainbows."', 'demonstration=""'),
                    encoding="utf-8")
    return path


def drop_in(app: Flask, folder: Path, file: Path = RAINBOW) -> None:
    """Give `app` the portal's own systems and that of `file`."""
    zoo, weights = folder / "zoo", folder / "weights"
    for made in (zoo, weights):
        made.mkdir(parents=True)
    shutil.copy(file, zoo)
    for held in WEIGHTS.iterdir():
        (weights / held.name).symlink_to(held)
    name = f"{file.stem}-1.npz"
    np.savez(zoo / name, warm=2.25)
    shutil.copy(zoo / name, weights)
    app.extensions["engine"] = Engine(Catalogue((ZOO, zoo)), weights=weights,
                                      own=app.extensions["settings"].models)
