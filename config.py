"""Every setting of the portal, typed, from the environment or a `.env` file; a wrong one stops the start."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from dotenv import dotenv_values

from portal.setting_values import FILE, secrets_from_files
from portal.setting_values import SettingError as SettingError
from portal.setting_values import matched as _matched
from portal.setting_values import number as _number
from portal.setting_values import parsed as _parsed
from portal.setting_values import truth as _truth

ROOT = Path(__file__).resolve().parent
MEGABYTE = 1_000_000
GIGABYTE = 1_000_000_000
BROKERS = ("redis", "rediss", "amqp", "amqps")
SERVERS = ("mysql+pymysql", "mariadb+pymysql")
SECRETS = ("SECRET_KEY", "DATABASE_URL", "PORTAL_OLD_SECRET_KEYS", "PORTAL_MIGRATION_URL", "PORTAL_BROKER_URL",
           "PORTAL_SMTP_URL", "PORTAL_S3_KEY", "PORTAL_S3_SECRET", "PORTAL_METRICS_TOKEN", "PORTAL_BACKUP_PASSPHRASE")
"""What may also be read from a file, which `<name>_FILE` names."""


@dataclass(frozen=True, kw_only=True)
class ObjectStorage:
    """The part of a bucket of an S3-compatible server in which files are kept."""

    endpoint: str
    bucket: str
    prefix: str
    region: str
    key: str
    secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Mail:
    """The server that takes mails, from whom they come, and the portal's address that they lead to."""

    host: str
    port: int
    implicit_tls: bool
    user: str
    password: str = field(repr=False)
    sender: str
    portal: str


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
    broker_url: str = ""
    worker_processes: int = 1
    default_model: str = "leukemia"
    max_slide_bytes: int = 20_000_000_000
    import_folder: Path | None = None
    object_storage: ObjectStorage | None = None
    cache_bytes: int = 20 * GIGABYTE
    old_secret_keys: tuple[str, ...] = field(default=(), repr=False)
    migration_url: str = field(default="", repr=False)
    proof_lasts: timedelta = timedelta(minutes=5)
    """How long a password that was given is proof enough for what matters."""
    mail: Mail | None = None
    min_free_bytes: int = 500 * MEGABYTE
    backup_folder: Path | None = None
    backup_passphrase: str = field(default="", repr=False)
    backup_keep: int = 14
    backup_hour: int = 2
    backup_secrets: bool = False
    log_format: str = "auto"
    metrics_token: str = field(default="", repr=False)
    worker_quiet: timedelta = timedelta(minutes=5)
    uploads_an_hour: int = 3000
    exports_an_hour: int = 60

    @property
    def files(self) -> Path:
        return self.instance / "files"

    @property
    def incoming(self) -> Path:
        """Where slides lie as they were sent, until they are kept or refused."""
        return self.instance / "incoming"

    @property
    def cache(self) -> Path:
        """Copies of files from the object storage; may be deleted while nothing serves."""
        return self.instance / "cache"

    @property
    def models(self) -> Path:
        """Where versions lie that this clinic fine-tuned itself; the product's own folder is replaced by upgrades."""
        return self.instance / "models"

    @property
    def messages(self) -> Path:
        """Where messages to the worker lie while no broker is set."""
        return self.instance / "messages"

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
    values = secrets_from_files({**values, **(os.environ if environ is None else environ)}, SECRETS)
    instance = _folder(values)
    return Settings(
        instance=instance,
        database_url=_database_url(values, instance),
        migration_url=_server_url("PORTAL_MIGRATION_URL", values["PORTAL_MIGRATION_URL"])
        if values.get("PORTAL_MIGRATION_URL") else "",
        secret_key=_secret_key(values, instance),
        old_secret_keys=tuple(values.get("PORTAL_OLD_SECRET_KEYS", "").split()),
        host=values.get("HOST") or "127.0.0.1",
        port=_number(values, "PORT", 8000, 1, 65535),
        max_image_bytes=_number(values, "PORTAL_MAX_IMAGE_MB", 105, 1, 1000) * MEGABYTE,
        max_image_pixels=_number(values, "PORTAL_MAX_IMAGE_MEGAPIXELS", 40, 1, 500) * 1_000_000,
        max_upload_files=_number(values, "PORTAL_MAX_UPLOAD_FILES", 200, 1, 1000),
        session_idle=timedelta(minutes=_number(values, "PORTAL_SESSION_IDLE_MINUTES", 15, 1, 1440)),
        session_absolute=timedelta(hours=_number(values, "PORTAL_SESSION_HOURS", 12, 1, 168)),
        remember=timedelta(days=_number(values, "PORTAL_REMEMBER_DAYS", 7, 1, 90)),
        bcrypt_rounds=_number(values, "PORTAL_BCRYPT_ROUNDS", 12, 4, 16),
        secure_cookies=_truth(values, "PORTAL_SECURE_COOKIES", False),
        trusted_proxies=_number(values, "PORTAL_TRUSTED_PROXIES", 0, 0, 5),
        inference_threads=_number(values, "PORTAL_INFERENCE_THREADS", 1, 1, 64),
        broker_url=_broker_url(values),
        worker_processes=_number(values, "PORTAL_WORKER_PROCESSES", 1, 1, 64),
        default_model=values.get("PORTAL_DEFAULT_MODEL") or "leukemia",
        max_slide_bytes=_number(values, "PORTAL_MAX_SLIDE_GB", 20, 1, 1000) * 10**9,
        import_folder=_import_folder(values),
        object_storage=_object_storage(values),
        proof_lasts=timedelta(minutes=_number(values, "PORTAL_PROOF_MINUTES", 5, 1, 60)),
        mail=_mail(values),
        cache_bytes=_number(values, "PORTAL_CACHE_GB", 20, 1, 100_000) * GIGABYTE,
        min_free_bytes=_number(values, "PORTAL_MIN_FREE_MB", 500, 0, 10_000_000) * MEGABYTE,
        **_backups(values),
        log_format=_parsed(values, "PORTAL_LOG_FORMAT", "auto", str.lower, "json, text or auto",
                           ("json", "text", "auto").__contains__),
        metrics_token=_matched(values, "PORTAL_METRICS_TOKEN", r"(|[!-~]{32,200})",
                               "nothing, or at least 32 random characters without blanks")[0],
        worker_quiet=timedelta(minutes=_number(values, "PORTAL_WORKER_QUIET_MINUTES", 5, 1, 1440)),
        uploads_an_hour=_number(values, "PORTAL_UPLOADS_AN_HOUR", 3000, 0, 10_000_000),
        exports_an_hour=_number(values, "PORTAL_EXPORTS_AN_HOUR", 60, 0, 10_000_000),
    )


def written_settings(environ: Mapping[str, str] | None = None, env_file: Path | None = None,
                     with_secrets: bool = False) -> dict[str, str]:
    """The settings as the operator wrote them, by name; secrets only where asked for, a backup's passphrase never."""
    held = {**dotenv_values(env_file or ROOT / ".env"), **(os.environ if environ is None else environ)}
    written = {name: value for name, value in sorted(held.items()) if value and "PASSPHRASE" not in name
               and (name.startswith("PORTAL_") or name.removesuffix(FILE) in ("HOST", "PORT", "DATABASE_URL",
                                                                              "SECRET_KEY"))}
    if with_secrets:
        return dict(sorted(secrets_from_files(written, SECRETS).items()))
    return {name: _without_secret(name, value) for name, value in written.items()}


def _without_secret(name: str, value: str) -> str:
    if re.search(r"SECRET|PASSWORD|TOKEN|_KEY$", name) and not name.endswith(FILE):
        return "(kept out of the backup)"
    # As SQLAlchemy reads an address: a password may hold anything, a name neither : nor /. Rather too much is masked.
    masked = re.sub(r"(?s)(?<=://)([^:/]*):.*@", r"\1:(kept-out-of-the-backup)@", value)
    return re.sub(r"(?i)(?<=[?&])(pass\w*)=[^&\s]*", r"\1=(kept-out-of-the-backup)", masked)


def _backups(values: Mapping[str, str]) -> dict[str, Any]:
    """Where the daily backup goes; without a folder there is none."""
    passphrase, given = values.get("PORTAL_BACKUP_PASSPHRASE", ""), values.get("PORTAL_BACKUP_FOLDER", "").strip()
    if (given or passphrase) and len(passphrase) < 12:
        raise SettingError("PORTAL_BACKUP_PASSPHRASE", "at least 12 characters, kept somewhere else too: without it "
                                                       "no backup can be read")
    return {"backup_folder": Path(given).expanduser() if given else None, "backup_passphrase": passphrase,
            "backup_keep": _number(values, "PORTAL_BACKUP_KEEP", 14, 1, 1000),
            "backup_hour": _number(values, "PORTAL_BACKUP_HOUR", 2, 0, 23),
            "backup_secrets": _truth(values, "PORTAL_BACKUP_SECRETS", False)}


def _folder(values: Mapping[str, str]) -> Path:
    folder = Path(values.get("PORTAL_INSTANCE") or ROOT / "instance").expanduser()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise SettingError("PORTAL_INSTANCE", "a folder that this user may create and write") from problem
    if not os.access(folder, os.W_OK):
        raise SettingError("PORTAL_INSTANCE", "a folder that this user may create and write")
    return folder.resolve()


def _import_folder(values: Mapping[str, str]) -> Path | None:
    given = values.get("PORTAL_IMPORT_FOLDER", "").strip()
    if not given:
        return None
    folder = Path(given).expanduser()
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
        raise SettingError("PORTAL_IMPORT_FOLDER", "a folder that is there and that this user may read")
    return folder.resolve()


def _database_url(values: Mapping[str, str], instance: Path) -> str:
    given = values.get("DATABASE_URL")
    if not given:
        return f"sqlite:///{instance / 'secondread.sqlite3'}"
    if given.startswith("sqlite:///") and given != "sqlite:///":
        return given
    return _server_url("DATABASE_URL", given)


def _server_url(name: str, given: str) -> str:
    # Not SQLAlchemy's parser: gunicorn's master reads settings too, and need not carry it in memory.
    try:
        parts = urlsplit(given)
        usable = parts.scheme in SERVERS and parts.hostname and parts.path.strip("/") and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        file = "sqlite:///path or " if name == "DATABASE_URL" else ""
        raise SettingError(name, f"{file}mysql+pymysql://user:password@host/name, with / : @ [ ] in the password "
                                 "written as %2F %3A %40 %5B %5D")
    query = urlencode({**dict(parse_qsl(parts.query)), "charset": "utf8mb4"})
    return urlunsplit(parts._replace(query=query))


def _broker_url(values: Mapping[str, str]) -> str:
    given = values.get("PORTAL_BROKER_URL", "").strip()
    if not given:
        return ""
    try:
        parts = urlsplit(given)
        usable = parts.scheme in BROKERS and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise SettingError("PORTAL_BROKER_URL", "redis://host:6379/0 or amqp://user:password@host:5672/name, or "
                                                "nothing for the embedded transport")
    return given


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


def _object_storage(values: Mapping[str, str]) -> ObjectStorage | None:
    """Nothing without PORTAL_FILES, whatever else is set."""
    if not values.get("PORTAL_FILES"):
        return None
    bucket, prefix = _matched(values, "PORTAL_FILES", r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])"
                                                      r"(?:/(\w[\w.-]*(?:/\w[\w.-]*)*))?/?",
                              "nothing, or s3://bucket or s3://bucket/folder")
    endpoint, = _matched(values, "PORTAL_S3_ENDPOINT", r"(https?://[^/?#@\s]+)/?",
                         "the address of the object storage, such as https://s3.clinic.example:9000")
    key, = _matched(values, "PORTAL_S3_KEY", r"(\S+)", "the access key for the bucket in PORTAL_FILES")
    secret, = _matched(values, "PORTAL_S3_SECRET", r"(\S+)", "the secret of PORTAL_S3_KEY")
    return ObjectStorage(endpoint=endpoint, bucket=bucket, prefix=prefix or "", key=key, secret=secret,
                         region=values.get("PORTAL_S3_REGION") or "us-east-1")


def _mail(values: Mapping[str, str]) -> Mail | None:
    """Nothing without PORTAL_SMTP_URL. The portal's address is set and not taken from a request: whoever asks for a
    link must not choose where it leads.
    """
    given = values.get("PORTAL_SMTP_URL", "").strip()
    if not given:
        return None
    expected = ("smtp://user:password@host:587 (with STARTTLS) or smtps://user:password@host:465, "
                "with / : @ in the password written as %2F %3A %40")
    try:
        parts = urlsplit(given)
        usable = parts.scheme in ("smtp", "smtps") and parts.hostname and parts.port != 0 and not parts.path.strip("/")
    except ValueError:
        usable = False
    if not usable:
        raise SettingError("PORTAL_SMTP_URL", expected)
    sender, = _matched(values, "PORTAL_MAIL_FROM", r"([^\s@<>]+@[^\s@<>]+)", "the e-mail address that mails come from")
    portal, = _matched(values, "PORTAL_PUBLIC_URL", r"(https?://[^/?#@\s]+)/?",
                       "the portal's address as people type it, such as https://secondread.clinic.example")
    tls = parts.scheme == "smtps"
    return Mail(host=parts.hostname or "", port=parts.port or (465 if tls else 587), implicit_tls=tls, sender=sender,
                user=unquote(parts.username or ""), password=unquote(parts.password or ""), portal=portal)
