"""Settings: defaults that work, and a wrong one that names itself."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from config import SettingError, load_settings


def test_an_empty_environment_gives_working_settings(tmp_path: Path) -> None:
    settings = load_settings({"PORTAL_INSTANCE": str(tmp_path)})
    assert settings.database_url == f"sqlite:///{tmp_path}/secondread.sqlite3"


@pytest.mark.parametrize(("name", "value"), [
    ("PORT", "eighty"), ("PORT", "0"), ("PORT", "70000"), ("SECRET_KEY", "short"), ("DATABASE_URL", "mysql+pymysql://u:p@h:abc/db"),
    ("DATABASE_URL", "mysql+pymysql://u:p[x@h/db"), ("DATABASE_URL", "sqlite:/x"), ("DATABASE_URL", "sqlite://"),
    ("DATABASE_URL", "postgresql://host/name"), ("DATABASE_URL", "nonsense"), ("PORTAL_MAX_IMAGE_MB", "-1"),
    ("PORTAL_SECURE_COOKIES", "perhaps"), ("PORTAL_INSTANCE", "/proc/nowhere"),
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
