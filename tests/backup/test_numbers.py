"""What stands in the audit trail for ever means the same after a restore: no number twice, and a chain that holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from portal.extensions import db
from portal.services import audit, cases
from portal.services.backup.make import make_backup
from portal.services.backup.restore import restore
from tests.backup.conftest import PASSPHRASE, place_of, source_of
from tests.support.client import Client
from tests.web.test_deletions import ADMIN, open_case, propose

TO = pytest.mark.parametrize("to", ["sqlite", "mysql"])


@TO
def test_the_number_of_a_case_that_was_deleted_is_not_given_again(
        app: Flask, login: Callable[..., Client], empty_place: Callable[[str], Flask], archive: Path, to: str) -> None:
    admin, reader = login(ADMIN, "admin"), login()
    kept, gone = open_case(reader), open_case(reader, "P-0118")
    page = propose(reader, gone)
    assert admin.post(f"{page}/confirm", {"number": gone}).status_code == 303
    make_backup(source_of(app), archive, PASSPHRASE)
    target = empty_place(to)
    with target.app_context():
        restore(place_of(target), archive, PASSPHRASE)
        assert cases.create_case(audit.Actor(), 1, "P-0119", "blood", "") > gone > kept


@TO
def test_the_audit_trail_is_in_order_after_a_restore_and_follows_on_the_backups_anchor(
        app: Flask, login: Callable[..., Client], empty_place: Callable[[str], Flask], archive: Path, to: str) -> None:
    open_case(login())
    sealed = app.test_cli_runner().invoke(args=["audit", "verify"])
    head = sealed.output.rpartition("head ")[2].strip()
    open_case(login("second@clinic.example"))
    make_backup(source_of(app), archive, PASSPHRASE)
    target = empty_place(to)
    with target.app_context():
        assert restore(place_of(target), archive, PASSPHRASE)["audit"] == {"head": head}
        db.session.remove()
    found = target.test_cli_runner().invoke(args=["audit", "verify", "--anchor", head])
    assert (found.exit_code, "all in order" in found.output) == (0, True), found.output
