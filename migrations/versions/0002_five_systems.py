"""Five systems: layers instead of one heat map, evidence, pixel sizes, scores by hand, the active model of a family."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import sqlalchemy as sa
from alembic import op
from PIL import Image
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
Heat = list[list[float]]
Layers = list[dict[str, Any]]


def upgrade() -> None:
    # Plain ALTERs: on SQLite a batch would copy the table, lose its triggers and trip over its foreign keys.
    op.execute("ALTER TABLE predictions RENAME COLUMN heatmap TO layers")
    _convert(_as_layers)
    op.add_column("predictions", sa.Column("evidence", sa.JSON(none_as_null=True)))
    op.add_column("predictions", sa.Column("demonstration", sa.String(400), nullable=False, server_default=""))
    op.add_column("reviews", sa.Column("scores", sa.JSON(none_as_null=True)))
    op.add_column("images", sa.Column("um_per_px", sa.Double()))
    op.create_table("active_models", sa.Column("family", sa.String(64), primary_key=True),
                    sa.Column("key", sa.String(64), nullable=False), sa.Column("chosen_at", MOMENT, nullable=False),
                    sa.Column("chosen_by", sa.Integer(), sa.ForeignKey("users.id")),
                    mysql_engine="InnoDB", mysql_charset="utf8mb4")


def downgrade() -> None:
    op.drop_table("active_models")
    for table, column in (("images", "um_per_px"), ("reviews", "scores"), ("predictions", "demonstration"),
                          ("predictions", "evidence")):
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    _convert(_as_heat)
    op.execute("ALTER TABLE predictions RENAME COLUMN layers TO heatmap")


def _convert(turn: Callable[[Any], Any]) -> None:
    """Rewrite what the column `layers` holds, row by row."""
    table = sa.table("predictions", sa.column("id", sa.Integer()), sa.column("layers", sa.JSON(none_as_null=True)))
    connection = op.get_bind()
    with _changes_allowed():
        for row_id in connection.scalars(sa.select(table.c.id).where(table.c.layers.is_not(None))).all():
            held = connection.scalar(sa.select(table.c.layers).where(table.c.id == row_id))
            connection.execute(sa.update(table).where(table.c.id == row_id).values(layers=turn(held)))


@contextmanager
def _changes_allowed() -> Iterator[None]:
    """Without the trigger that refuses to change a prediction; it is back whatever happens."""
    op.execute("DROP TRIGGER predictions_no_update")
    try:
        yield
    finally:
        refusal = "SELECT RAISE(ABORT, '{0}');" if op.get_bind().dialect.name == "sqlite" else (
            "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{0}';")
        op.execute("CREATE TRIGGER predictions_no_update BEFORE UPDATE ON predictions FOR EACH ROW BEGIN "
                   + refusal.format("predictions are never changed or deleted") + " END")


def _as_layers(heat: Heat) -> Layers:
    """The heat map as the one layer, a PNG of 8-bit grey."""
    picture = Image.new("L", (len(heat[0]), len(heat)))
    picture.putdata([round(min(1.0, max(0.0, value)) * 255) for row in heat for value in row])
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return [{"name": "heatmap", "title": "Where the model looked", "kind": "heat", "legend": [],
             "png": b64encode(buffer.getvalue()).decode("ascii")}]


def _as_heat(layers: Layers) -> Heat | None:
    """The first layer as numbers; a map of classes was unknown before and cannot go back."""
    if layers[0]["kind"] != "heat":
        return None
    with Image.open(BytesIO(b64decode(layers[0]["png"])), formats=("PNG",)) as picture:
        values = [round(value / 255, 4) for value in picture.tobytes()]
        return [values[start : start + picture.width] for start in range(0, len(values), picture.width)]
