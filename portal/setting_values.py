"""One setting's text as a value, and secrets from files; `config.py` says which settings there are.

Here and not there, so that the list of settings stays readable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
FILE = "_FILE"
SEVERAL = ("PORTAL_OLD_SECRET_KEYS_FILE",)
"""What may have more than one line."""
LONGEST = 64_000
"""Bytes of a file that holds a secret: more is another file."""


class SettingError(ValueError):
    """A setting has a value that cannot work; the text names it and says what is expected."""

    def __init__(self, name: str, expected: str) -> None:
        super().__init__(f"{name}: expected {expected}.")
        self.name = name


def secrets_from_files(values: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """The values, those of `names` also from the files that `<name>_FILE` names, as Docker's secrets and systemd's
    credentials are given. Raises SettingError.
    """
    found = dict(values)
    for name in names:
        path = found.pop(name + FILE, "").strip()
        if not path:
            continue
        if found.get(name):
            raise SettingError(name + FILE, f"this or {name}, not both")
        found[name] = _content(name + FILE, path)
    return found


def _content(name: str, path: str) -> str:
    try:
        with Path(path).expanduser().open("rb") as file:
            text = file.read(LONGEST + 1).decode("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise SettingError(name, "a text file that this user may read") from problem
    if not text:
        raise SettingError(name, "a file with the secret in it; it is empty")
    if len(text) >= LONGEST or "\0" in text or (name not in SEVERAL and re.search(r"[\r\n]", text)):
        raise SettingError(name, "a file that holds the secret and nothing else")
    # On one line, as a backup with secrets writes it down again.
    return " ".join(text.split()) if name in SEVERAL else text


def matched(values: Mapping[str, str], name: str, pattern: str, expected: str) -> tuple[str, ...]:
    """The groups of a pattern that the whole text follows."""
    found = re.fullmatch(pattern, values.get(name, "").strip())
    if not found:
        raise SettingError(name, expected)
    return found.groups()


def number(values: Mapping[str, str], name: str, default: int, lowest: int, highest: int) -> int:
    return parsed(values, name, default, int, f"a whole number from {lowest} to {highest}",
                  lambda found: lowest <= found <= highest)


def truth(values: Mapping[str, str], name: str, default: bool) -> bool:
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    return parsed(values, name, default, lambda text: words[text.lower()], "true or false", lambda _: True)


def parsed(values: Mapping[str, str], name: str, default: T, parse: Callable[[str], T], expected: str,
           fits: Callable[[T], bool]) -> T:
    """The default where nothing is written."""
    text = values.get(name, "").strip()
    if not text:
        return default
    try:
        value = parse(text)
    except (ValueError, KeyError) as problem:
        raise SettingError(name, expected) from problem
    if not fits(value):
        raise SettingError(name, expected)
    return value
