"""A portal with rows in every table that there is, made from the tables' own words, and files for them."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import CheckConstraint, Column, DateTime, LargeBinary, String, Table, insert, select, text
from sqlalchemy.sql.sqltypes import JSON, Boolean, Float, Integer

from portal.extensions import db
from portal.storage import snapshots
from portal.storage.files import files_below

ROWS = 3
BEGUN: dict[str, dict[str, Any]] = {"case_deletions": {"state": "proposed", "confirmed_by": None}}
"""What a trigger wants of a row that is inserted."""
ODD = "Ä. Ünal 漢字 🩸 100% \\ 'x' :y \" \t line\nline "


def fill(app: Flask, files: int = 5, without: Collection[str] = ()) -> None:
    """Some rows in every table but those named, odd ones among them, and `files` images with their files."""
    with app.app_context():
        for table in (one for one in db.metadata.sorted_tables if one.name not in without):
            for number in range(1, ROWS + 1):
                db.session.execute(insert(table).values(_row(table, number)))
        db.session.commit()
        add_images(app, files)
        product = app.extensions["files"].put(b"a file that a job made", ".csv")
        jobs = db.metadata.tables["jobs"]
        db.session.execute(insert(jobs).values({**_row(jobs, 90), "state": "done", "result": {
            "file": {"stored_as": product, "name": "a.csv", "type": "text/csv", "size": 22}}}))
        db.session.commit()
    own = app.extensions["settings"].models
    own.mkdir(exist_ok=True)
    (own / "leukemia-1.own-spring.onnx").write_bytes(secrets.token_bytes(10_000))


def add_images(app: Flask, number: int, size: int = 3000) -> list[str]:
    """Images as uploads leave them: the file first, and then its row."""
    images, names = db.metadata.tables["images"], []
    for _ in range(number):
        data = secrets.token_bytes(size)
        names.append(app.extensions["files"].put(data, ".png"))
        db.session.execute(insert(images).values({
            **_row(images, 50), "id": None, "case_id": 1, "stored_as": names[-1], "size": size,
            "sha256": hashlib.sha256(data).hexdigest()}))
        db.session.commit()
    return names


def rows_of(app: Flask) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table as Python sees it, in an order that is the same on every database."""
    with app.app_context(), db.engine.connect() as connection:
        return {name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
                for name, table in db.metadata.tables.items()}


def schema_of(app: Flask) -> tuple[str, list[str]]:
    """The migration and the names of all triggers."""
    with app.app_context(), db.engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        found = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'" if sqlite
                                        else "SHOW TRIGGERS")).all()
        return snapshots.revision_of(connection), sorted(str(one[0]) for one in found)


def files_of(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path, _ in files_below(folder)}


def _row(table: Table, number: int) -> dict[str, Any]:
    return {**{column.name: _value(table, column, number) for column in table.columns}, **BEGUN.get(table.name, {})}


def _value(table: Table, column: Column[Any], number: int) -> Any:
    if column.name == "stored_as":
        return f"{secrets.token_hex(16)}.png"
    allowed = _allowed(table, column.name)
    if allowed:
        return allowed[number % len(allowed)]
    if column.foreign_keys:
        return None if column.nullable and number == 2 else number if number <= ROWS else 1
    if column.nullable and number == 2:
        return None
    kind = column.type
    if isinstance(kind, Boolean):
        return bool(number % 2)
    if isinstance(kind, Float):
        return number / 3
    if isinstance(kind, Integer):
        return number
    if isinstance(kind, DateTime):
        return datetime(2026, 3, 29, 1, 59, 59, 999_999 - number) + timedelta(days=number)
    if isinstance(kind, LargeBinary):
        return bytes(range(256)) * number
    if isinstance(kind, JSON):
        return {"said": ODD, "score": number / 7, "list": [None, True, 1e-9]}
    assert isinstance(kind, String), f"{table.name}.{column.name} is a {kind!r}: say how to fill it"
    length = kind.length or 5000
    return f"{number}{secrets.token_hex(8)}{ODD}"[:length] if length >= 19 else f"{number}x"


def _allowed(table: Table, name: str) -> list[str]:
    for check in table.constraints:
        found = isinstance(check, CheckConstraint) and re.search(rf"\b{name} IN \(([^)]*)\)", str(check.sqltext))
        if found:
            return re.findall(r"'([^']*)'", found.group(1))
    return []
