"""MariaDB says in many words that its own disk is full: each gives the plain answer, and keeps nothing half."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import text

from portal.extensions import db
from portal.storage.tables.cases import Case
from tests.support.client import Client


@pytest.mark.parametrize("database_url", ["mysql"], indirect=True)
@pytest.mark.parametrize(("number", "words", "status"), [
    (1021, "Disk full (/tmp/x); waiting for someone to free some space...", 507),
    (1114, "The table 'cases' is full", 507),
    (3, 'Error writing file /tmp/x (Errcode: 28 "No space left on device")', 507),
    (1, 'Can not create or write to file /tmp/x (Errcode: 28 "No space left on device")', 507),
    (1026, 'Error writing file /tmp/x (errno: 28 "No space left on device")', 507),
    (1030, "Got error 28 from storage engine InnoDB", 507),
    (1005, 'Cannot create table x (errno: 135 "No more room in record file")', 507),
    (3, 'Error writing file /tmp/x (Errcode: 5 "Input/output error")', 500),
    (1030, "Got error 128 from storage engine InnoDB", 503)])
def test_every_word_that_mariadb_has_for_it_is_known(app: Flask, login: Callable[..., Client], number: int, words: str,
                                                     status: int) -> None:
    """Errors that a real server sends: a trigger raises them with the number and the words of the real ones."""
    reader = login()
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TRIGGER full_disk BEFORE INSERT ON cases FOR EACH ROW "
                                   "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = %s, MESSAGE_TEXT = %s", (number, words))
    try:
        answer = reader.post("/cases/new", {"patient": "P-1", "specimen": "blood", "note": ""})
    finally:
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(text("DROP TRIGGER full_disk"))
    assert answer.status_code == status
    assert ("disk is full" in answer.text) == (status == 507), answer.text
    with app.app_context():
        assert db.session.query(Case).count() == 0
