"""Why a file is no slide for us, in words for whoever sent it."""

from __future__ import annotations

from typing import NoReturn

from models.imaging.errors import Unreadable


def refuse_damaged() -> NoReturn:
    """It contradicts itself."""
    raise Unreadable("broken", "The slide is damaged and cannot be read. Please copy or export it again.")


def refuse_damaged_at(x: int, y: int) -> NoReturn:
    """Some of its pixels cannot be had; `x` and `y` count pixels of level 0."""
    raise Unreadable("broken", f"The slide is damaged near pixel {x}, {y}. Please copy or export it again.")


def refuse_incomplete() -> NoReturn:
    """The file ends before its pixels do."""
    raise Unreadable("truncated", "The slide is incomplete. Please copy or export it again.")


def refuse_kind(what: str) -> NoReturn:
    """A real slide of a kind that is not read here; `what` starts the sentence."""
    raise Unreadable("unsupported", f"{what} cannot be read here. Please export it as a tiled TIFF in 8-bit RGB.")


def refuse_other(what: str) -> NoReturn:
    """No slide at all; `what` is a sentence that says so."""
    raise Unreadable("not-a-slide", what)
