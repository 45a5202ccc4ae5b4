"""`flask predict MODEL FILE…`: reads files without login or database."""

from __future__ import annotations

import json
import logging
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from models.engine import Engine, UnknownModel, WeightsMissing
from models.imaging.errors import Unreadable
from models.imaging.layers import classes_png, composite_png
from models.imaging.limits import Limits
from models.spec import ModelSpec
from portal.services import offers
from portal.services.errors import PixelSizeProblem
from portal.services.reading import TimedReading, as_object, read_image, unreadable_object
from portal.services.scores import lines_of

log = logging.getLogger("portal.predict")


@click.command("predict")
@click.argument("model")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object per file and line.")
@click.option("--um-per-px", type=click.FloatRange(min=0, min_open=True), metavar="X",
              help="Side of a pixel in µm; without it, what a TIFF says of itself.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for heat maps and other layers.")
@with_appcontext
def group(model: str, files: tuple[Path, ...], as_json: bool, um_per_px: float | None, out: Path | None) -> None:
    """Read image FILES with MODEL, or MODEL@VERSION. Exit status 1 when a file was unreadable."""
    engine: Engine = current_app.extensions["engine"]
    spec = _spec(engine, model)
    if out:
        out.mkdir(parents=True, exist_ok=True)
    unreadable = False
    for file, stem in zip(files, _distinct_stems(files), strict=True):
        answer, notes = _read(engine, spec, file, um_per_px, out and out / stem)
        unreadable |= answer["outcome"] == "error"
        click.echo(json.dumps(answer) if as_json else _sentence(spec, answer, notes))
    sys.exit(1 if unreadable else 0)


def _spec(engine: Engine, model: str) -> ModelSpec:
    """The version that was named as KEY@VERSION, else the one that is offered; without a database, the published."""
    key, _, version = model.partition("@")
    keys = [spec.key for spec in engine.specs()]
    if key not in keys:
        raise click.BadParameter(f"there is no model {key!r}; choose from {', '.join(keys)}.")
    try:
        return engine.spec(key, version) if version else offers.active_spec(engine, key)
    except UnknownModel:
        there = ", ".join(one.version for one in engine.versions(key))
        raise click.BadParameter(f"there is no version {version!r} of {key}; there is {there}.") from None
    except SQLAlchemyError:
        return engine.spec(key)


def _distinct_stems(files: tuple[Path, ...]) -> Iterator[str]:
    """A name for each file's pictures; a stem that comes again is numbered, so that none is overwritten."""
    seen: Counter[str] = Counter()
    for file in files:
        seen[file.stem] += 1
        yield file.stem if seen[file.stem] == 1 else f"{file.stem}-{seen[file.stem]}"


def _read(engine: Engine, spec: ModelSpec, file: Path, um_per_px: float | None,
          pictures: Path | None) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The object of one file, and the notes that belong to its scores."""
    settings = current_app.extensions["settings"]
    limits = Limits(max_bytes=settings.max_image_bytes, max_pixels=settings.max_image_pixels)
    try:
        with file.open("rb") as stream:
            data = stream.read(limits.max_bytes + 1)
        timed = read_image(engine, spec.key, data, limits, um_per_px, spec.version)
        if pictures:
            _write_pictures(pictures, timed)
    except OSError as problem:
        reason = f"The file or its heat map cannot be opened: {problem.strerror}."
    except (Unreadable, PixelSizeProblem, WeightsMissing) as problem:
        reason = str(problem)
    except Exception:
        # One file must not take the rest of the batch with it.
        log.exception("model %s failed on a file", spec.key)
        reason = "The model could not be run; see `flask models verify`."
    else:
        return as_object(str(file), timed), timed.reading.notes
    return unreadable_object(str(file), spec, reason), ()


def _write_pictures(stem: Path, timed: TimedReading) -> None:
    """The image under its first layer as `<stem>.heatmap.png`; every other layer, and every map of classes in its
    exact palette, under its own name.
    """
    pixels = timed.picture.pixels
    for number, layer in enumerate(timed.reading.layers):
        if number == 0:
            stem.with_name(f"{stem.name}.heatmap.png").write_bytes(composite_png(pixels, layer))
        if layer.kind == "classes":
            stem.with_name(f"{stem.name}.{layer.name}.png").write_bytes(classes_png(pixels, layer))
        elif number > 0:
            stem.with_name(f"{stem.name}.{layer.name}.png").write_bytes(composite_png(pixels, layer))


def _sentence(spec: ModelSpec, answer: dict[str, Any], notes: tuple[str, ...]) -> str:
    name = click.format_filename(answer["file"])
    if answer["outcome"] != "scored":
        return f"{name}: {answer['outcome']}: {answer['reason']}"
    label, scores = answer["label"], answer["scores"]
    parts = [f"{label} ({scores[label]:.3f})" if label in scores else label] if label else []
    parts += [f"{title} {text}" for title, text in lines_of(spec, scores)]
    marked = "DEMONSTRATION, no real score: " if answer.get("demonstration") else ""
    return f"{name}: {marked}{'; '.join(parts)}" + "".join(f"\n  {note}" for note in notes)
