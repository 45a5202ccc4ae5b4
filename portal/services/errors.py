"""What can foreseeably go wrong, by name; a view turns each into words."""

from __future__ import annotations


class PortalError(Exception):
    """Base of all foreseeable failures."""


class NotFound(PortalError):
    """It does not exist, or it is somebody else's."""


class FitRefused(PortalError):
    """Nothing is fine-tuned; the text says why."""


class WeakPassword(PortalError):
    """The password is too short, too long or too common; the text says which."""


class BadLogin(PortalError):
    """E-mail and password do not belong together, or the account may not log in."""


class WrongCode(BadLogin):
    """The password is right, the code of the second factor is not."""


class AccountWaiting(BadLogin):
    """The password is right, but no administrator has approved the account yet."""


class AccountDisabled(BadLogin):
    """The password is right, but an administrator has disabled the account."""


class HalfLoginOver(PortalError):
    """Between password and code too much time passed, or the account changed: the password is asked again."""


class TooManyTries(PortalError):
    """Too many failed logins; `seconds` says how long to wait."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Wait {seconds} seconds.")
        self.seconds = seconds


class DoubtfulName(PortalError):
    """The name of a file looks like something that tells who the patient is; the text says what."""


class AllowanceSpent(PortalError):
    """As much was sent or taken away within this hour as may be; `what` names it, `seconds` says how long to wait
    (0: no wait helps, only less at once), the text tells it.
    """

    def __init__(self, what: str, seconds: int, why: str) -> None:
        super().__init__(why)
        self.what, self.seconds = what, seconds


class KeyNotReplaced(PortalError):
    """What is sealed cannot be sealed with a new secret key; the text says why and what to do."""


class LinkExpired(PortalError):
    """A one-time link was used, is too old or never existed."""


class BadToken(PortalError):
    """A personal token cannot be made; the text says why."""


class NotAdmitted(PortalError):
    """A personal token that lets nobody in: revoked, never made, or of an account that may not log in."""


class LastAdministrator(PortalError):
    """The only approved administrator would be locked out."""


class AccountExists(PortalError):
    """There is an account with this e-mail already; never shown to the public."""


class BadAccount(PortalError):
    """A name or e-mail address cannot be used; `field` says which of the two, the text why."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field = field


class BadReview(PortalError):
    """The review lacks its label or its reason; the text says which."""


class BadDraft(PortalError):
    """What was typed cannot be kept as a draft; the text says why."""


class BadImageField(PortalError):
    """A serial or group cannot be used; `field` says which of the two, the text why."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field = field


class PixelSizeProblem(PortalError):
    """The model needs to know the size of a pixel, or the stated one is absurd; the text says which."""


class NotChosen(PortalError):
    """A choice that is not offered; the text says what is."""


class NotActivated(PortalError):
    """A model cannot be made the active one of its family; the text says why and what to do."""


class NotShared(PortalError):
    """A case cannot be shared with this person, or not be left by its owner; the text says why."""


class CannotSign(PortalError):
    """A report cannot be signed as it stands; the text says why and what to do."""


class StillVeiled(PortalError):
    """A signed report tells what the model and others said, and this reader has not read everything in it."""


class ReportDamaged(PortalError):
    """A signed report is not what was signed."""


class DeliveryRefused(PortalError):
    """A large file is not taken; `code` names why, the text tells it."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


class WrongOffset(PortalError):
    """A piece of a large file does not follow on what is here; `received` says how much that is."""

    def __init__(self, received: int) -> None:
        super().__init__(f"{received} bytes are here.")
        self.received = received


class BadAnnotation(PortalError):
    """A drawing cannot be kept; the text says why."""


class NotDeleted(PortalError):
    """A case cannot be proposed for deletion, or a proposal be confirmed or withdrawn; the text says why."""


class CaseGone(PortalError):
    """The case was deleted while somebody worked on it."""


class BadNotice(PortalError):
    """A notice cannot be written; `field` says which of text and until, the text why."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field = field


class BadPseudonym(PortalError):
    """A pseudonym does not follow the clinic's mask; the text says how it should look."""


class BackupProblem(PortalError):
    """A backup cannot be made, read or restored; the text says why and what to do."""


class DatabaseAway(PortalError):
    """The database did not answer a moment ago and does not yet."""


class NoRoom(PortalError):
    """The disk is too full to take in more; the text says so."""
