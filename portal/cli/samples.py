"""`flask samples DIR`: drawn images for a first try."""

from __future__ import annotations

from pathlib import Path

import click

from portal.services.samples import create_samples


@click.command("samples")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def group(folder: Path) -> None:
    """Draw sample images into FOLDER: one that is scored, others that are refused. No patient is in them."""
    for sample in create_samples(folder):
        click.echo(f"{sample.path}: {sample.what}")
