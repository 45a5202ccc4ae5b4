"""After SECRET_KEY was replaced: what was sealed with the key before it is sealed with the new one, all or nothing."""

from __future__ import annotations

from config import Settings
from portal.extensions import db
from portal.services import audit
from portal.services.chain import keeper
from portal.services.errors import KeyNotReplaced
from portal.services.sealed import CannotOpen, seal, unseal
from portal.storage import second_factors

NO_KEY = ("There is no key from before. Set the new one as SECRET_KEY, name the one before it in "
          "PORTAL_OLD_SECRET_KEYS, and run this again (docs/operations.md).")
UNKNOWN = ("The audit trail holds events that were signed with a key that is not named. Add it to "
           "PORTAL_OLD_SECRET_KEYS and run this again, or say --key-is-lost where nobody has it any more; nothing was "
           "changed.")
CLOSED = ("What is sealed opens with none of the keys for: {emails}. Add the missing key to PORTAL_OLD_SECRET_KEYS, or "
          "reset these second factors with “flask users reset-second-factor EMAIL”, and run this again; nothing was "
          "changed.")


def replace(actor: audit.Actor, settings: Settings, *, key_is_lost: bool = False) -> int:
    """Seal every key of a second factor with the SECRET_KEY in use; how many. Raises KeyNotReplaced.

    `key_is_lost`: that nobody has a key any more with which events of the audit trail were signed stops nothing.
    Running it twice does no harm.
    """
    if not settings.old_secret_keys:
        raise KeyNotReplaced(NO_KEY)
    if not key_is_lost and any(one.what == "unknown-key" for one in keeper.verify().findings):
        raise KeyNotReplaced(UNKNOWN)
    # The event comes first: from then on nobody else writes, on SQLite too.
    sealed_with = (settings.secret_key, *settings.old_secret_keys)
    audit.record(actor, "secret.replace", key=keeper.keys().current.name, before=len(settings.old_secret_keys))
    db.session.flush()
    users, closed = second_factors.lock_sealed(), []
    for user in users:
        try:
            user.totp_secret = seal(settings.secret_key, user.id, unseal(sealed_with, user.id, user.totp_secret or ""))
        except CannotOpen:
            closed.append(user.email)
    if closed:
        db.session.rollback()
        raise KeyNotReplaced(CLOSED.format(emails=", ".join(closed)))
    db.session.commit()
    return len(users)
