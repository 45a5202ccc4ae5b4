"""PORTAL_NO_SKIPS=1 says that all a test may ask for is there; one that was skipped has then failed."""

from __future__ import annotations

import os

import pytest


class SkipsFail:
    """Counts what was skipped, at collection or when run, and fails the session for it."""

    def __init__(self) -> None:
        self.skipped: list[str] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self.skipped.append(report.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped:
            self.skipped.append(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.skipped:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for test in self.skipped:
            terminalreporter.write_line(f"SKIPPED although PORTAL_NO_SKIPS is set: {test}", red=True)


def pytest_configure(config: pytest.Config) -> None:
    """Only on demand: on another machine a skip with its reason is honest."""
    if os.environ.get("PORTAL_NO_SKIPS") == "1":
        config.pluginmanager.register(SkipsFail(), "skips-fail")
