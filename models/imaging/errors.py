"""Why a file is not a picture for us, in words for the clinician who chose it."""

from __future__ import annotations

from typing import Literal, NoReturn

Code = Literal[
    "not-an-image",
    "not-a-slide",
    "unsupported",
    "too-many-bytes",
    "too-many-pixels",
    "truncated",
    "broken",
    "animated",
    "too-many-pages",
    "decoder-time",
    "decoder-memory",
    "decoder-crash",
    "busy",
]

EXPORT = "Please export it again as JPEG, PNG or TIFF."


class Unreadable(Exception):
    """The file cannot be read as one still picture; `code` is stable, `message` says what to do."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code: Code = code
        self.message = message


def refuse_truncated() -> NoReturn:
    """The file ends before its picture does."""
    raise Unreadable("truncated", "The file is incomplete. Please copy or export it again.")


def refuse_broken() -> NoReturn:
    """The file starts like a picture but contradicts itself."""
    raise Unreadable("broken", f"The file is damaged and cannot be read. {EXPORT}")


def refuse_unsupported(what: str) -> NoReturn:
    """A real picture of a kind that is not read here; `what` starts the sentence, e.g. "A GIF picture"."""
    raise Unreadable("unsupported", f"{what} cannot be read here. {EXPORT}")


def refuse_animated() -> NoReturn:
    """More than one frame in time."""
    raise Unreadable("animated", "The file is an animation. Please export one still picture from it.")
