"""The containers' files: no secret has a default, everything is pinned, and the names are those of the settings."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from config import SECRETS
from tests.conftest import make_settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
NGINX = (DEPLOY / "nginx.conf.template").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
PINNED = re.compile(r":\d+\.\d+\.\d+(-|$)")
SECRET = re.compile(r"PASSWORD|SECRET|KEY")
INTERPOLATED = re.compile(r"(?<!\$)\$\{?(\w+)([^}]*)\}?")


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> dict[str, Any]:
    return SERVICES[request.param]


def test_what_has_to_be_chosen_is_asked_for_and_has_no_default() -> None:
    assert [match.group() for match in INTERPOLATED.finditer(COMPOSE) if not match.group(2).startswith(":?")] == []


def test_the_example_names_all_that_is_asked_for_and_fills_in_nothing() -> None:
    lines = [line for line in (DEPLOY / ".env.example").read_text(encoding="utf-8").splitlines()
             if line and not line.startswith("#")]
    assert {line.rstrip("=") for line in lines} == {name for name, _ in INTERPOLATED.findall(COMPOSE)}
    assert all(line.endswith("=") for line in lines)


def test_no_secret_is_written_down(service: dict[str, Any]) -> None:
    for name, value in service.get("environment", {}).items():
        if name.endswith("_FILE"):
            assert value.removeprefix("/run/secrets/") in service["secrets"], name
        elif SECRET.search(name):
            assert value.startswith("${"), name


def test_the_secret_key_is_a_file_and_in_no_environment() -> None:
    for name in ("web", "worker"):
        environment = SERVICES[name]["environment"]
        assert "SECRET_KEY" not in environment
        assert environment["SECRET_KEY_FILE"] == "/run/secrets/secret_key"
    # From a file: a service whose file system is read-only takes no other kind.
    assert yaml.safe_load(COMPOSE)["secrets"] == {"secret_key": {"file": "./secrets/secret_key"}}
    assert "deploy/secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_every_image_is_a_version_and_not_whatever_is_new(service: dict[str, Any]) -> None:
    own = service["image"].startswith("secondread:${SECONDREAD_VERSION:?")
    assert own or PINNED.search(service["image"])


def test_the_images_of_the_build_are_pinned_too() -> None:
    [base] = re.findall(r"^ARG PYTHON=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert PINNED.search(base)
    assert {line.split()[1] for line in DOCKERFILE.splitlines() if line.startswith("FROM")} == {"${PYTHON}"}


@pytest.mark.parametrize("name", ["web", "worker"])
def test_the_portals_settings_exist(name: str) -> None:
    config = (ROOT / "config.py").read_text(encoding="utf-8")
    environment = SERVICES[name]["environment"]
    assert [setting for setting in environment if f'"{setting}"' not in config
            and setting.removesuffix("_FILE") not in SECRETS] == []
    assert environment["PORTAL_SECURE_COOKIES"] == "true"
    assert environment["PORTAL_TRUSTED_PROXIES"] == "1"


def test_a_service_waits_for_others_until_they_are_healthy(service: dict[str, Any]) -> None:
    for other, wait in service.get("depends_on", {}).items():
        assert wait["condition"] == "service_healthy"
        assert "test" in SERVICES[other].get("healthcheck", {}) or (other == "web" and "HEALTHCHECK" in DOCKERFILE)


def test_the_pages_are_healthy_without_a_worker() -> None:
    """Not /readyz: that asks for a worker, too, which starts only when the pages are healthy, and so does the proxy."""
    [asked] = re.findall(r"http://127\.0\.0\.1:8000(/\w+)", DOCKERFILE.partition("HEALTHCHECK")[2])
    assert "web" in SERVICES["worker"]["depends_on"]
    assert "web" in SERVICES["proxy"]["depends_on"]
    assert asked == "/healthz"


def test_a_service_comes_back_and_cannot_take_the_whole_machine(service: dict[str, Any]) -> None:
    assert service["restart"] == "unless-stopped"
    assert service["deploy"]["resources"]["limits"]["memory"]
    assert "no-new-privileges:true" in service["security_opt"]


def test_only_the_proxy_is_open_to_the_house_and_only_the_proxy_has_a_way_out() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert [name for name, service in SERVICES.items() if service["networks"] != ["inner"]] == ["proxy"]
    assert yaml.safe_load(COMPOSE)["networks"]["inner"] == {"internal": True}


def test_pages_and_workers_get_a_way_out_by_a_file_of_its_own_only() -> None:
    """For a mail server or an object storage elsewhere; the database, the broker and the ports stay as they are."""
    added = yaml.safe_load((DEPLOY / "compose.outside.yaml").read_text(encoding="utf-8"))
    assert added["services"] == {name: {"networks": ["inner", "outside"]} for name in ("web", "worker")}
    assert list(added["networks"]) == ["outside"]
    assert not (added["networks"]["outside"] or {}).get("internal")


def test_a_backup_has_a_place_that_pages_and_workers_may_write_to() -> None:
    added = yaml.safe_load((DEPLOY / "compose.backup.yaml").read_text(encoding="utf-8"))["services"]
    assert set(added) == {"web", "worker"}
    for service in added.values():
        place = service["environment"]["PORTAL_BACKUP_FOLDER"]
        [mount] = service["volumes"]
        assert re.fullmatch(rf"\$\{{BACKUP_FOLDER:\?[^}}]+\}}:{place}", mount)


def test_the_portal_is_not_root_and_cannot_change_its_own_code() -> None:
    [user] = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    for name in ("web", "worker"):
        assert SERVICES[name]["user"] == user != "0:0"
        assert SERVICES[name]["read_only"] is True
        assert SERVICES[name]["cap_drop"] == ["ALL"]


def test_web_and_workers_see_the_same_files() -> None:
    for name in ("web", "worker"):
        folder = SERVICES[name]["environment"]["PORTAL_INSTANCE"]
        assert f"instance:{folder}" in SERVICES[name]["volumes"]


def test_nothing_reaches_the_image_but_what_is_named() -> None:
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    named = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert [name for name in named if not list(ROOT.glob(name))] == []
    copied = re.search(r"^COPY (run\.sh .*) \./$", DOCKERFILE, re.MULTILINE)
    assert copied
    assert set(copied.group(1).split()) <= named


def test_the_proxy_lets_the_portals_own_limit_speak(tmp_path: Path) -> None:
    """And it waits longer for an answer than gunicorn for its worker."""
    [limit] = re.findall(r"client_max_body_size (\d+)m;", NGINX)
    largest = make_settings(tmp_path, max_image_bytes=105_000_000).max_request_bytes
    assert int(limit) * 2**20 > largest
    [patience] = re.findall(r"proxy_read_timeout (\d+)s;", NGINX)
    [timeout] = re.findall(r"^timeout = (\d+)$", (ROOT / "gunicorn.conf.py").read_text(encoding="utf-8"), re.MULTILINE)
    assert int(patience) > int(timeout)


def test_the_proxy_passes_on_what_it_saw_and_not_what_it_was_told() -> None:
    assert "X-Forwarded-For $remote_addr;" in NGINX
    assert "X-Forwarded-Proto $scheme;" in NGINX
    assert "$proxy_add_x_forwarded_for" not in NGINX


def test_the_linter_of_dockerfiles_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
