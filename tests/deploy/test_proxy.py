"""The proxy's file: what it writes down, which ciphers it takes, and whom it leads on."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

import pytest

NGINX = (Path(__file__).parents[2] / "deploy" / "nginx.conf.template").read_text(encoding="utf-8")
SERVERS = re.split(r"^server \{$", NGINX, flags=re.MULTILINE)[1:]
WITH_TLS = [server for server in SERVERS if "443 ssl" in server]
WITHOUT_WORDS = {"remote_addr", "time_iso8601", "request_method", "uri", "server_protocol", "status", "body_bytes_sent",
                 "request_time"}
"""Of what nginx can write, these hold nothing that stands behind the `?` of an address, there or in the Referer."""


def test_its_log_holds_no_token_and_no_search() -> None:
    [(name, text)] = re.findall(r"^log_format (\w+)([^;]+);", NGINX, re.MULTILINE)
    assert set(re.findall(r"\$(\w+)", text)) <= WITHOUT_WORDS
    assert len(SERVERS) == 3
    for server in SERVERS:
        assert re.findall(r"^    access_log \S+ (\w+);$", server, re.MULTILINE) == [name]


def test_its_error_log_quotes_no_request() -> None:
    for server in SERVERS:
        assert re.findall(r"^    error_log \S+ (\w+);$", server, re.MULTILINE) == ["emerg"]


@pytest.mark.parametrize("server", WITH_TLS)
def test_only_recommended_ciphers_and_the_strongest_first(server: str) -> None:
    """The server that answers to no name too: nginx takes the protocols of the whole port from there."""
    [named] = re.findall(r"ssl_ciphers (\S+);", server)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(named)
    taken = [one for one in context.get_ciphers() if one["protocol"] != "TLSv1.3"]
    assert [one["name"] for one in taken] == named.split(":")
    assert all(one["aead"] and one["kea"] == "kx-ecdhe" for one in taken)
    assert all(one["strength_bits"] == 256 for one in taken[:2])
    assert "ssl_prefer_server_ciphers on;" in server
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in server


def test_a_program_that_forgets_tls_is_refused_and_only_people_are_led_on() -> None:
    [plain] = [server for server in SERVERS if "listen 80 " in server]
    places = dict(re.findall(r"location (\S+) \{\s+return ([^;]+);", plain))
    assert places == {"/api/": "403", "/": "301 https://${SERVER_NAME}$request_uri"}
    assert plain.count("return ") == len(places)
