"""Two processes that migrate at once, and a migration that fails half-way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from flask import Flask
from sqlalchemy import inspect, text

from portal.app import create_app
from portal.extensions import db
from portal.storage import migrating, restoring, snapshots
from portal.storage.migrating import HalfMigrated
from tests.conftest import make_settings
from tests.support import databases
from tests.support.filled import fill, rows_of

ROOT = Path(__file__).parents[2]
FAILS = '''"""Fails in the middle of its work."""
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "9999", "{head}", None, None
def upgrade():
    op.create_table("half_made", sa.Column("id", sa.Integer(), primary_key=True))
    op.execute("UPDATE users SET name = 'changed'")
    op.execute("UPDATE no_such_table SET id = 1")
def downgrade():
    pass
'''


def is_sqlite(app: Flask) -> bool:
    return str(app.extensions["settings"].database_url).startswith("sqlite")


def environment_of(app: Flask) -> dict[str, str]:
    settings = app.extensions["settings"]
    return {**os.environ, "PORTAL_INSTANCE": str(settings.instance), "DATABASE_URL": settings.database_url,
            "SECRET_KEY": "k" * 40}


def test_of_two_that_migrate_at_once_one_does_it_and_both_succeed(bare: Flask) -> None:
    environment = environment_of(bare)
    both = [subprocess.Popen([sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"], cwd=ROOT,
                             env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(2)]
    said = [one.communicate()[0].decode() for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert sum("Running upgrade  -> 0001" in one for one in said) <= 1, said
    with bare.app_context(), db.engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) == {*db.metadata.tables, snapshots.VERSIONS}


def test_a_migration_that_fails_half_way_is_taken_back_or_told(bare: Flask, tmp_path: Path) -> None:
    databases.migrate(bare)
    fill(bare, files=0)
    rows = rows_of(bare)
    scripts = tmp_path / "migrations"
    shutil.copytree(ROOT / "migrations", scripts)
    (scripts / "versions" / "9999_fails.py").write_text(FAILS.format(head=restoring.newest()))
    with bare.app_context():
        config = bare.extensions["migrate"].migrate.get_config(directory=str(scripts))
        with pytest.raises(Exception, match=r"no_such_table|between two versions"):
            command.upgrade(config, "head")
        if is_sqlite(bare):
            assert "half_made" not in inspect(db.engine).get_table_names()
            assert rows_of(bare) == rows
            assert not list(tmp_path.glob("*before-migration*"))
            return
        # MariaDB cannot: it says so at every start, and what to do, until a backup is restored.
        for _ in range(2):
            with pytest.raises(HalfMigrated, match="flask restore"):
                command.upgrade(config, "head")
        done = bare.test_cli_runner().invoke(args=["prepare"])
        assert (done.exit_code, "between two versions" in done.output) == (1, True), done.output
    told = subprocess.run([sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"], cwd=ROOT, check=False,
                          env=environment_of(bare), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert (told.returncode, "between two versions" in told.stdout) == (1, True), told.stdout
    assert "Traceback" not in told.stdout


def test_a_migration_that_was_killed_on_sqlite_is_taken_back_at_the_next(tmp_path: Path) -> None:
    app = create_app(make_settings(tmp_path))
    databases.migrate(app)
    fill(app, files=0)
    rows = rows_of(app)
    with app.app_context():
        path = Path(str(db.engine.url.database))
        migrating._copy(path, path.with_name(f"{path.name}.before-migration"))
        db.session.execute(text("UPDATE users SET name = 'half'"))
        db.session.commit()
        db.session.remove()
        db.engine.dispose()
    databases.migrate(app)
    assert rows_of(app) == rows
    with app.app_context():
        db.engine.dispose()
