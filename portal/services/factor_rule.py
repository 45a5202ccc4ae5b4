"""Who must have a second factor: administrators, and everybody where an administrator chose so."""

from __future__ import annotations

from portal.services import site
from portal.storage.tables.accounts import User


def is_required(role: str) -> bool:
    """Whether accounts of this role do without one nowhere but on the page that sets it up."""
    return role == "admin" or site.is_second_factor_for_all()


def lacks(user: User) -> bool:
    """Whether this account must set one up before it may do anything else."""
    return user.totp_secret is None and is_required(user.role)
