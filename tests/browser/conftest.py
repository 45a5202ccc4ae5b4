"""A portal of its own, served as run.sh serves it, and a real browser."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.patience import PATIENCE, until

ROOT = Path(__file__).parents[2]
CHROMIUM = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync")
expect.set_options(timeout=60_000)


@dataclass
class Portal:
    """A gunicorn process on an instance folder; `restart` keeps the folder."""

    instance: Path
    port: int
    setup_link: str = ""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        environment = {**os.environ, "PORTAL_INSTANCE": str(self.instance), "PORT": str(self.port),
                       "PORTAL_BCRYPT_ROUNDS": "4"}
        prepared = subprocess.run([sys.executable, "-m", "flask", "--app", "wsgi", "prepare"], cwd=ROOT,
                                  env=environment, capture_output=True, text=True, check=True)
        link = re.search(r"http\S+/setup\?token=\S+", prepared.stdout)
        self.setup_link = link.group() if link else ""
        self.process = subprocess.Popen([sys.executable, "-m", "gunicorn", "wsgi:app"], cwd=ROOT, env=environment,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._answers, "the portal did not start")

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=PATIENCE)

    def restart(self) -> None:
        self.stop()
        self.start()

    def _answers(self) -> bool:
        """There is no other sign that a server is up."""
        try:
            with urlopen(f"{self.address}/healthz", timeout=PATIENCE):
                return True
        except OSError:
            return False


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    portal = Portal(instance=tmp_path / "instance", port=port)
    portal.start()
    yield portal
    portal.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or ""
    if not path:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM))
        yield browser
        browser.close()


@pytest.fixture(params=["javascript", "no javascript"])
def javascript(request: pytest.FixtureRequest) -> bool:
    """Every test runs with and without."""
    return bool(request.param == "javascript")


@pytest.fixture
def page(javascript: bool, browser: Browser, portal: Portal) -> Iterator[Page]:
    """A fresh browser window on the served portal."""
    with open_window(browser, portal.address, javascript) as page:
        yield page


@contextmanager
def open_window(browser: Browser, address: str, javascript: bool) -> Iterator[Page]:
    """A window in which no script may fail and nothing may break the content security policy."""
    context = browser.new_context(base_url=address, java_script_enabled=javascript,
                                  viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("console", lambda said: failures.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    context.close()
    assert failures == []
