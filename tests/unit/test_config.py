"""Settings: defaults that work, and a wrong one that names itself."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from config import ROOT, SECRETS, SettingError, Settings, load_settings, written_settings


def test_an_empty_environment_gives_working_settings(tmp_path: Path) -> None:
    settings = load_settings({"PORTAL_INSTANCE": str(tmp_path)})
    assert settings.database_url == f"sqlite:///{tmp_path}/secondread.sqlite3"


@pytest.mark.parametrize(("name", "value"), [
    ("PORT", "eighty"), ("PORT", "0"), ("PORT", "70000"), ("SECRET_KEY", "short"), ("DATABASE_URL", "mysql+pymysql://u:p@h:abc/db"),
    ("DATABASE_URL", "mysql+pymysql://u:p[x@h/db"), ("DATABASE_URL", "sqlite:/x"), ("DATABASE_URL", "sqlite://"),
    ("DATABASE_URL", "postgresql://host/name"), ("DATABASE_URL", "nonsense"), ("PORTAL_MAX_IMAGE_MB", "-1"),
    ("PORTAL_SECURE_COOKIES", "perhaps"), ("PORTAL_INSTANCE", "/proc/nowhere"),
    ("PORTAL_IMPORT_FOLDER", "/nowhere/at/all"), ("PORTAL_IMPORT_FOLDER", "/etc/passwd"), ("PORTAL_MAX_SLIDE_GB", "0"),
])
def test_a_wrong_setting_names_itself(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"^{name}: expected "):
        load_settings({"PORTAL_INSTANCE": str(tmp_path), name: value})


def test_the_secret_is_drawn_once_and_kept_private(tmp_path: Path) -> None:
    first = load_settings({"PORTAL_INSTANCE": str(tmp_path)}).secret_key
    assert load_settings({"PORTAL_INSTANCE": str(tmp_path)}).secret_key == first
    assert len(first) >= 43
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600


def test_mysql_always_speaks_utf8mb4(tmp_path: Path) -> None:
    url = load_settings({"PORTAL_INSTANCE": str(tmp_path), "DATABASE_URL": "mysql+pymysql://a:b@host/name"}).database_url
    assert url == "mysql+pymysql://a:b@host/name?charset=utf8mb4"


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(f"PORTAL_INSTANCE={tmp_path}\nPORT=8111\nHOST=127.0.0.2\n", encoding="utf-8")
    monkeypatch.setenv("PORT", "8222")
    settings = load_settings(env_file=env_file)
    assert (settings.port, settings.host) == (8222, "127.0.0.2")


def test_an_empty_secret_is_none_and_a_damaged_one_is_said(tmp_path: Path) -> None:
    assert len(load_settings({"PORTAL_INSTANCE": str(tmp_path), "SECRET_KEY": ""}).secret_key) >= 43
    (tmp_path / "secret.key").write_text("", encoding="ascii")
    with pytest.raises(SettingError, match=r"^SECRET_KEY"):
        load_settings({"PORTAL_INSTANCE": str(tmp_path)})


def test_an_ipv6_host_is_written_in_brackets(tmp_path: Path) -> None:
    assert load_settings({"PORTAL_INSTANCE": str(tmp_path), "HOST": "::1"}).authority == "[::1]:8000"


OBJECTS = {"PORTAL_FILES": "s3://smears/clinic/files/", "PORTAL_S3_ENDPOINT": "https://s3.clinic.example:9000/",
           "PORTAL_S3_KEY": "portal", "PORTAL_S3_SECRET": "hidden-word"}
SMTP = {"PORTAL_MAIL_FROM": "portal@clinic.example", "PORTAL_PUBLIC_URL": "https://secondread.clinic.example"}
GIVEN: dict[str, tuple[str, dict[str, str], Callable[[Settings], object]]] = {
    "SECRET_KEY": ("s" * 40, {}, lambda found: found.secret_key),
    "DATABASE_URL": ("mysql+pymysql://a:b@host/name?charset=utf8mb4", {}, lambda found: found.database_url),
    "PORTAL_OLD_SECRET_KEYS": ("older oldest", {}, lambda found: " ".join(found.old_secret_keys)),
    "PORTAL_MIGRATION_URL": ("mysql+pymysql://m:b@host/name?charset=utf8mb4", {}, lambda found: found.migration_url),
    "PORTAL_BROKER_URL": ("redis://:hidden@host:6379/0", {}, lambda found: found.broker_url),
    "PORTAL_SMTP_URL": ("smtps://host:465", SMTP, lambda found: found.mail and f"smtps://{found.mail.host}:465"),
    "PORTAL_S3_KEY": ("access-key", OBJECTS, lambda found: found.object_storage and found.object_storage.key),
    "PORTAL_S3_SECRET": ("secret-word", OBJECTS, lambda found: found.object_storage and found.object_storage.secret),
    "PORTAL_METRICS_TOKEN": ("t" * 40, {}, lambda found: found.metrics_token),
    "PORTAL_BACKUP_PASSPHRASE": ("a lantern over the harbour", {}, lambda found: found.backup_passphrase),
}


@pytest.mark.parametrize("name", GIVEN)
def test_every_secret_may_come_from_a_file(tmp_path: Path, name: str) -> None:
    text, more, told = GIVEN[name]
    file = tmp_path / "secret"
    file.write_text(f"{text}\n", encoding="utf-8")
    others = {key: value for key, value in more.items() if key != name}
    given = {"PORTAL_INSTANCE": str(tmp_path), **others, f"{name}_FILE": str(file)}
    assert told(load_settings(given)) == text
    # Compose passes on a variable that nobody set as an empty one.
    assert told(load_settings({**given, name: ""})) == text


def test_no_other_secret_is_forgotten() -> None:
    assert set(GIVEN) == set(SECRETS)
    words = re.compile("SECRET|KEY|PASS|TOKEN|(DATABASE|MIGRATION|BROKER|SMTP)_URL")
    config = (ROOT / "config.py").read_text(encoding="utf-8")
    named = set(re.findall(r'"((?:PORTAL_|SECRET_|DATABASE_)[A-Z0-9_]+)"', config))
    assert {name for name in named if words.search(name)} - {"PORTAL_BACKUP_SECRETS"} == set(SECRETS)


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(("content", "words"), [
    (b"", "empty"), (b"\r\n \n", "empty"), (None, "this user may read"), (b"\xff\xfe\0", "text file"),
    (b"x" * 70_000, "nothing else"), (b"k" * 40 + b"\0", "nothing else")])
def test_a_file_that_holds_no_secret_is_said_in_a_sentence_without_its_content(
        tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingError, match=f"^{name}_FILE: expected .*{words}") as told:
        load_settings({"PORTAL_INSTANCE": str(tmp_path), f"{name}_FILE": str(file)})
    assert "kkkk" not in str(told.value)


def test_two_lines_are_no_secret_but_for_the_keys_of_before(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"SECRET_KEY={'s' * 40}\nPORT=80\n", encoding="utf-8")
    with pytest.raises(SettingError, match=r"^SECRET_KEY_FILE: expected .*nothing else"):
        load_settings({"PORTAL_INSTANCE": str(tmp_path), "SECRET_KEY_FILE": str(file)})


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_given_once(tmp_path: Path, name: str) -> None:
    file = tmp_path / "secret"
    file.write_text("s" * 40, encoding="utf-8")
    with pytest.raises(SettingError, match=f"^{name}_FILE: expected this or {name}, not both"):
        load_settings({"PORTAL_INSTANCE": str(tmp_path), f"{name}_FILE": str(file), name: "s" * 40})


def test_of_a_secret_in_a_file_a_backup_tells_the_file_or_where_asked_for_the_secret(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("s" * 40, encoding="utf-8")
    given = {"SECRET_KEY_FILE": str(file), "PORTAL_BACKUP_PASSPHRASE_FILE": str(file)}
    assert written_settings(given, tmp_path / "none") == {"SECRET_KEY_FILE": str(file)}
    assert written_settings(given, tmp_path / "none", with_secrets=True) == {"SECRET_KEY": "s" * 40}


@pytest.mark.parametrize(("value", "told"), [
    ("mysql+pymysql://portal:hidden@host:3306/name?charset=utf8mb4",
     "mysql+pymysql://portal:(kept-out-of-the-backup)@host:3306/name?charset=utf8mb4"),
    ("mysql+pymysql://portal:hid/den:hid@den hidden@host/name",
     "mysql+pymysql://portal:(kept-out-of-the-backup)@host/name"),
    ("smtp://portal@clinic.example:hidden@mail.clinic.example:587",
     "smtp://portal@clinic.example:(kept-out-of-the-backup)@mail.clinic.example:587"),
    ("redis://:hid/den@host:6379/0", "redis://:(kept-out-of-the-backup)@host:6379/0"),
    ("mysql+pymysql://host/name?user=portal&password=hid/den&charset=utf8mb4",
     "mysql+pymysql://host/name?user=portal&password=(kept-out-of-the-backup)&charset=utf8mb4"),
    ("mysql+pymysql://portal@host:3306/name", "mysql+pymysql://portal@host:3306/name"),
    ("sqlite:////srv/a:b@c/portal.sqlite3", "sqlite:////srv/a:b@c/portal.sqlite3"),
])
def test_a_backup_without_secrets_holds_no_password_of_an_address(tmp_path: Path, value: str, told: str) -> None:
    assert written_settings({"DATABASE_URL": value}, tmp_path / "none") == {"DATABASE_URL": told}
    assert written_settings({"DATABASE_URL": value}, tmp_path / "none", with_secrets=True) == {"DATABASE_URL": value}


def test_files_lie_in_a_folder_unless_an_object_storage_is_named(tmp_path: Path) -> None:
    here = {"PORTAL_INSTANCE": str(tmp_path)}
    assert load_settings({**here, "PORTAL_S3_KEY": "portal"}).object_storage is None
    where = load_settings({**here, **OBJECTS}).object_storage
    assert where
    assert (where.bucket, where.prefix, where.endpoint) == ("smears", "clinic/files", "https://s3.clinic.example:9000")
    assert "hidden-word" not in repr(load_settings({**here, **OBJECTS}))


@pytest.mark.parametrize(("name", "value"), [
    ("PORTAL_FILES", "/srv/files"), ("PORTAL_FILES", "s3://"), ("PORTAL_FILES", "s3://UPPER"),
    ("PORTAL_FILES", "s3://bucket/../other"), ("PORTAL_FILES", "s3://bucket//files"), ("PORTAL_S3_ENDPOINT", ""),
    ("PORTAL_S3_ENDPOINT", "s3.clinic.example"), ("PORTAL_S3_ENDPOINT", "https://host/bucket"),
    ("PORTAL_S3_KEY", ""), ("PORTAL_S3_SECRET", ""), ("PORTAL_CACHE_GB", "0"),
])
def test_a_wrong_setting_of_the_object_storage_names_itself(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"^{name}: expected "):
        load_settings({"PORTAL_INSTANCE": str(tmp_path), **OBJECTS, name: value})


MAIL = {"PORTAL_SMTP_URL": "smtp://portal:p%40ss@mail.clinic.example", "PORTAL_MAIL_FROM": "portal@clinic.example",
        "PORTAL_PUBLIC_URL": "https://portal.clinic.example/"}


def test_mails_go_out_only_where_a_server_is_named(tmp_path: Path) -> None:
    here = {"PORTAL_INSTANCE": str(tmp_path)}
    assert load_settings({**here, "PORTAL_MAIL_FROM": "portal@clinic.example"}).mail is None
    mail = load_settings({**here, **MAIL}).mail
    assert mail
    assert (mail.host, mail.port, mail.implicit_tls, mail.user, mail.password) == (
        "mail.clinic.example", 587, False, "portal", "p@ss")
    assert mail.portal == "https://portal.clinic.example"
    assert "p@ss" not in repr(mail)


@pytest.mark.parametrize(("name", "value"), [
    ("PORTAL_SMTP_URL", "mail.clinic.example"), ("PORTAL_SMTP_URL", "http://mail.clinic.example"),
    ("PORTAL_SMTP_URL", "smtp://mail.clinic.example:0"), ("PORTAL_MAIL_FROM", ""), ("PORTAL_MAIL_FROM", "portal"),
    ("PORTAL_MAIL_FROM", "a@b.example\r\nBcc: c@d.example"), ("PORTAL_PUBLIC_URL", ""),
    ("PORTAL_PUBLIC_URL", "portal.clinic.example"), ("PORTAL_PUBLIC_URL", "https://portal.clinic.example/?x"),
    ("PORTAL_PROOF_MINUTES", "0"),
])
def test_a_wrong_setting_for_mails_names_itself(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"^{name}: expected "):
        load_settings({"PORTAL_INSTANCE": str(tmp_path), **MAIL, name: value})
