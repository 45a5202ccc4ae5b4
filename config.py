"""Every setting of the portal, typed, from the environment or a `.env` file; a wrong one stops the start."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parent
MEGABYTE = 1_000_000
T = TypeVar("T")
SERVERS = ("mysql+pymysql", "mariadb+pymysql")


class SettingError(ValueError):
    """A setting has a value that cannot work; the text names it and says what is expected."""

    def __init__(self, name: str, expected: str) -> None:
        super().__init__(f"{name}: expected {expected}.")
        self.name = name


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator may choose. Times are durations, sizes are bytes or pixels."""

    instance: Path
    database_url: str
    secret_key: str
    host: str
    port: int
    max_image_bytes: int
    max_image_pixels: int
    max_upload_files: int
    session_idle: timedelta
    session_absolute: timedelta
    remember: timedelta
    bcrypt_rounds: int
    secure_cookies: bool
    trusted_proxies: int
    inference_threads: int
    default_model: str = "leukemia"

    @property
    def files(self) -> Path:
        return self.instance / "files"

    @property
    def models(self) -> Path:
        """Where versions lie that this clinic fine-tuned itself; the product's own folder is replaced by upgrades."""
        return self.instance / "models"

    @property
    def authority(self) -> str:
        """Host and port as addresses write them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def max_request_bytes(self) -> int:
        """One form may carry several images; the room beside them is for its fields."""
        return self.max_image_bytes * 4 + MEGABYTE


def load_settings(environ: Mapping[str, str] | None = None, env_file: Path | None = None) -> Settings:
    """Settings from `environ` over `.env` over defaults. Raises SettingError."""
    file_values = {} if environ is not None else dotenv_values(env_file or ROOT / ".env")
    values = {name: value for name, value in file_values.items() if value is not None}
    values.update(os.environ if environ is None else environ)
    instance = _folder(values)
    return Settings(
        instance=instance,
        database_url=_database_url(values, instance),
        secret_key=_secret_key(values, instance),
        host=values.get("HOST") or "127.0.0.1",
        port=_number(values, "PORT", 8000, 1, 65535),
        max_image_bytes=_number(values, "PORTAL_MAX_IMAGE_MB", 105, 1, 1000) * MEGABYTE,
        max_image_pixels=_number(values, "PORTAL_MAX_IMAGE_MEGAPIXELS", 40, 1, 500) * 1_000_000,
        max_upload_files=_number(values, "PORTAL_MAX_UPLOAD_FILES", 200, 1, 1000),
        session_idle=timedelta(minutes=_number(values, "PORTAL_SESSION_IDLE_MINUTES", 30, 1, 1440)),
        session_absolute=timedelta(hours=_number(values, "PORTAL_SESSION_HOURS", 12, 1, 168)),
        remember=timedelta(days=_number(values, "PORTAL_REMEMBER_DAYS", 7, 1, 90)),
        bcrypt_rounds=_number(values, "PORTAL_BCRYPT_ROUNDS", 12, 4, 16),
        secure_cookies=_truth(values, "PORTAL_SECURE_COOKIES", False),
        trusted_proxies=_number(values, "PORTAL_TRUSTED_PROXIES", 0, 0, 5),
        inference_threads=_number(values, "PORTAL_INFERENCE_THREADS", 1, 1, 64),
        default_model=values.get("PORTAL_DEFAULT_MODEL") or "leukemia",
    )


def _folder(values: Mapping[str, str]) -> Path:
    folder = Path(values.get("PORTAL_INSTANCE") or ROOT / "instance").expanduser()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise SettingError("PORTAL_INSTANCE", "a folder that this user may create and write") from problem
    if not os.access(folder, os.W_OK):
        raise SettingError("PORTAL_INSTANCE", "a folder that this user may create and write")
    return folder.resolve()


def _database_url(values: Mapping[str, str], instance: Path) -> str:
    given = values.get("DATABASE_URL")
    if not given:
        return f"sqlite:///{instance / 'secondread.sqlite3'}"
    if given.startswith("sqlite:///") and given != "sqlite:///":
        return given
    # Not SQLAlchemy's parser: gunicorn's master reads settings too, and need not carry it in memory.
    try:
        parts = urlsplit(given)
        usable = parts.scheme in SERVERS and parts.hostname and parts.path.strip("/") and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise SettingError("DATABASE_URL", "sqlite:///path or mysql+pymysql://user:password@host/name, with / : @ [ ] "
                                           "in the password written as %2F %3A %40 %5B %5D")
    query = urlencode({**dict(parse_qsl(parts.query)), "charset": "utf8mb4"})
    return urlunsplit(parts._replace(query=query))


def _secret_key(values: Mapping[str, str], instance: Path) -> str:
    """The given key, or one drawn at the first start and kept in the instance folder."""
    path = instance / "secret.key"
    if not values.get("SECRET_KEY") and not path.exists():
        _draw_secret(path)
    key = values.get("SECRET_KEY") or path.read_text(encoding="ascii").strip()
    if len(key) < 32:
        raise SettingError("SECRET_KEY", f"at least 32 random characters; without it they are kept in {path.name}")
    return key


def _draw_secret(path: Path) -> None:
    """Whole or not at all, and the first of two starts at once decides."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48))
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(file.name)


def _number(values: Mapping[str, str], name: str, default: int, lowest: int, highest: int) -> int:
    return _parsed(values, name, default, int, f"a whole number from {lowest} to {highest}",
                   lambda number: lowest <= number <= highest)


def _truth(values: Mapping[str, str], name: str, default: bool) -> bool:
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    return _parsed(values, name, default, lambda text: words[text.lower()], "true or false", lambda _: True)


def _parsed(values: Mapping[str, str], name: str, default: T, parse: Callable[[str], T],
               expected: str, fits: Callable[[T], bool]) -> T:
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
