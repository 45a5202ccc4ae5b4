"""Requests that no browser sends, through a socket to a real gunicorn: never a 500, never a hang, and it lives on."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator

import psutil
import pytest

from benchmarks.kills.house import House, build
from benchmarks.kills.portal import WEB
from tests.support.visitor import TOKEN, Visitor

pytestmark = pytest.mark.slow
PATIENCE = 60.0
FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=b"
JSON = "application/json"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("malformed")
    with build(folder, f"sqlite:///{folder / 'test.sqlite3'}", 11) as house:
        house.portal.programs = (("web", WEB),)
        house.portal.keep_up()
        house.portal.wait()
        yield house


@pytest.fixture(scope="module")
def web(house: House) -> set[int]:
    """The processes that serve, as they were before anything was sent."""
    return serving(house)


@pytest.fixture(scope="module")
def reader(house: House) -> dict[str, str]:
    """What a reader who is logged in sends: the cookie, the token of his forms, and the token of his programs."""
    visitor = Visitor(house.portal.port, kept=False)
    visitor.log_in()
    token = TOKEN.search(visitor.ask("GET", "/account")[1])
    assert token
    return {"COOKIE": visitor.cookie, "CSRF": token.group(1), "BEARER": house.load.token}


def serving(house: House) -> set[int]:
    master = psutil.Process(house.portal.running["web"].pid)
    return {master.pid, *(one.pid for one in master.children())}


def request(method: str, path: str, *headers: str, body: bytes = b"", kind: str = "", length: str = "") -> bytes:
    """As it goes over the wire; without a length of its own, with the right one."""
    said = [f"{method} {path} HTTP/1.1", "Host: portal.example", "Connection: close", *headers]
    if kind:
        said.append(f"Content-Type: {kind}")
    if body or length:
        said.append(f"Content-Length: {length or len(body)}")
    return "\r\n".join([*said, "", ""]).encode("latin-1") + body


def chunked(*pieces: bytes, headers: tuple[str, ...] = ()) -> bytes:
    return request("POST", "/login", "Transfer-Encoding: chunked", *headers, kind=FORM) + b"".join(pieces)


def page(path: str, body: bytes, kind: str = FORM) -> bytes:
    """A form of somebody who is logged in, with a token that fits."""
    token = b"csrf_token=CSRF&" if kind == FORM else b""
    return request("POST", path, "Cookie: COOKIE", "X-CSRFToken: CSRF", body=token + body, kind=kind)


def program(path: str, body: bytes, kind: str = JSON, method: str = "POST") -> bytes:
    return request(method, f"/api/v1{path}", "Authorization: Bearer BEARER", body=body, kind=kind)


def part(name: str, content: bytes, more: str = "") -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode("latin-1") + content + b"\r\n"


CASES: dict[str, bytes] = {
    # The first line
    "noise": bytes(range(256)) * 4 + b"\r\n\r\n",
    "nothing but an end": b"\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "a version that is none": b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
    "an old version without host": b"GET / HTTP/1.0\r\n\r\n",
    "TLS to a port without it": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 200,
    "HTTP/2 without being asked": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method of its own": request("BREW", "/login"),
    "a method with a NUL": request("GE\0T", "/login"),
    "a method of a page": request("x" * 5000, "/login"),
    "TRACE": request("TRACE", "/login"),
    "CONNECT": request("CONNECT", "portal.example:443"),
    "OPTIONS for everything": request("OPTIONS", "*"),
    "PUT to a page": request("PUT", "/login", body=b"x", kind=FORM),
    "DELETE of a page": request("DELETE", "/cases/1", "Cookie: COOKIE"),
    "PATCH to the interface": program("/cases/1", b"{}", method="PATCH"),
    "POST to what is only read": program("/models", b"{}"),
    "a path without a slash": request("GET", "login"),
    "a whole address": request("GET", "http://evil.example/login"),
    "another machine as path": request("GET", "//evil.example/login"),
    "a very long path": request("GET", "/" + "a" * 60_000),
    "a path that climbs": request("GET", "/static/..%2f..%2fconfig.py"),
    "a NUL in the path": request("GET", "/cases/%00"),
    "raw bytes in the path": request("GET", "/cases/\xff\xfe"),
    "bytes that are no UTF-8 in the path": request("GET", "/cases/%ff%fe%c0%af"),
    "bytes that are no UTF-8 in a file's path": request("GET", "/static/%ff%00.css"),
    "half an escape": request("GET", "/cases/%f"),
    "a number that no column holds": request("GET", "/cases/99999999999999999999999999", "Cookie: COOKIE"),
    "a negative number": request("GET", "/cases/-1", "Cookie: COOKIE"),
    "another script's digits": request("GET", "/cases/%D9%A1", "Cookie: COOKIE"),
    # What is asked for
    "no UTF-8 in the query": request("GET", "/cases?patient=%ff%fe&page=%c0", "Cookie: COOKIE"),
    "raw bytes in the query": request("GET", "/cases?patient=\xff&\xfe=1", "Cookie: COOKIE"),
    "a NUL in the query": request("GET", "/cases?patient=%00&since=%00&page=%00", "Cookie: COOKIE"),
    "half a surrogate in the query": request("GET", "/cases?patient=%ed%a0%80", "Cookie: COOKIE"),
    "a page beyond numbers": request("GET", "/cases?page=" + "9" * 5000, "Cookie: COOKIE"),
    "a day that is none": request("GET", "/cases?since=0000-00-00&until=99999-01-01", "Cookie: COOKIE"),
    "thousands of things asked": request("GET", "/cases?" + "&".join(f"a{n}=1" for n in range(1000)), "Cookie: COOKIE"),
    "a place to go to afterwards": request("GET", "/login?next=%00%ff//evil"),
    "no UTF-8 in a query of the interface": request("GET", "/api/v1/predictions?after=%ff&limit=%00",
                                                    "Authorization: Bearer BEARER"),
    "a limit beyond numbers": request("GET", "/api/v1/predictions?limit=" + "9" * 400, "Authorization: Bearer BEARER"),
    "a cursor beyond numbers": request("GET", "/api/v1/predictions?after=" + "9" * 40, "Authorization: Bearer BEARER"),
    # Headers
    "a header without a colon": request("GET", "/login", "nothing"),
    "a header with a NUL": request("GET", "/login", "X-A: a\0b"),
    "a header's name with a blank": request("GET", "/login", "X A: b"),
    "a header in two lines": request("GET", "/login", "X-A: b", " c"),
    "a line's end alone": b"GET /login HTTP/1.1\nHost: a\nConnection: close\n\n",
    "a huge header": request("GET", "/login", "X-A: " + "a" * 100_000),
    "many headers": request("GET", "/login", *(f"X-{n}: a" for n in range(500))),
    "two hosts": request("GET", "/login", "Host: evil.example"),
    "a host that is none": b"GET /login HTTP/1.1\r\nHost: a b<script>\xff\r\nConnection: close\r\n\r\n",
    "headers that are no UTF-8": request("GET", "/login", "User-Agent: \xff\xfe", "Accept: \xff", "Referer: \xff",
                                         "Accept-Language: \xff", "X-Request-ID: \xff", "Origin: \xff"),
    "a cookie that is no UTF-8": request("GET", "/", "Cookie: secondread=\xff\xfe; \xff=\xff; =; ;;"),
    "a cookie of another": request("GET", "/", "Cookie: secondread=eyJhIjoxfQ.aaaa.bbbb"),
    "a cookie that holds a NUL": request("GET", "/", "Cookie: secondread=a%00b\x01"),
    "a token that is no UTF-8": request("GET", "/api/v1/cases", "Authorization: Bearer \xff\xfe"),
    "a password scheme that is none": request("GET", "/api/v1/cases", "Authorization: Basic \xff:::"),
    "half of Basic": request("GET", "/metrics", "Authorization: Basic %%%"),
    "a range that is none": request("GET", "/static/favicon.svg", "Range: bytes=9-1,-,x", "If-Range: \xff"),
    "times that are none": request("GET", "/static/favicon.svg", "If-Modified-Since: \xff", "If-None-Match: \"\xff"),
    "a kind that is none": request("POST", "/login", body=b"a=b", kind="\xff/;;=;charset=\xff"),
    "a charset that is none": request("POST", "/login", body=b"a=b", kind=f"{FORM}; charset=klingon"),
    "an expectation that is none": request("POST", "/login", "Expect: a miracle", body=b"a=b", kind=FORM),
    # How long it is
    "a length below nothing": request("POST", "/login", body=b"a=b", kind=FORM, length="-1"),
    "a length in words": request("POST", "/login", body=b"a=b", kind=FORM, length="three"),
    "a length with a sign": request("POST", "/login", body=b"a=b", kind=FORM, length="+3"),
    "a length beyond numbers": request("POST", "/login", body=b"a=b", kind=FORM, length="9" * 40),
    "a length of another script": request("POST", "/login", body=b"a=b", kind=FORM, length="\xb2"),
    "less than was said": request("POST", "/login", body=b"a=b", kind=FORM, length="3000"),
    "more than was said": request("POST", "/login", body=b"a=b" * 50, kind=FORM, length="3"),
    "two lengths": request("POST", "/login", "Content-Length: 3", body=b"a=bGET /admin HTTP/1.1\r\n\r\n", kind=FORM),
    "two lengths in one": request("POST", "/login", body=b"a=b", kind=FORM, length="3, 5"),
    "a length and chunks": chunked(b"0\r\n\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\n", headers=("Content-Length: 4",)),
    "chunks twice": chunked(b"0\r\n\r\n", headers=("Transfer-Encoding: chunked",)),
    "chunks and then something": chunked(b"0\r\n\r\n", headers=("Transfer-Encoding: identity",)),
    "chunks in disguise": request("POST", "/login", "Transfer-Encoding: \x0bchunked", "Content-Length: 5", kind=FORM)
    + b"0\r\n\r\n",
    "an encoding that is none": request("POST", "/login", "Transfer-Encoding: xchunked", kind=FORM) + b"0\r\n\r\n",
    "chunks in the old version": b"POST /login HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk's length in words": chunked(b"zz\r\na=b\r\n0\r\n\r\n"),
    "a chunk's length below nothing": chunked(b"-3\r\na=b\r\n0\r\n\r\n"),
    "a chunk beyond numbers": chunked(b"f" * 40 + b"\r\na=b\r\n0\r\n\r\n"),
    "a chunk that is longer than said": chunked(b"1\r\na=b\r\n0\r\n\r\n"),
    "a chunk that is shorter than said": chunked(b"ffff\r\na=b"),
    "a chunk with remarks": chunked(b"3;" + b"x" * 20_000 + b"\r\na=b\r\n0\r\n\r\n"),
    "chunks without an end": chunked(b"3\r\na=b\r\n"),
    "chunks with a trailer": chunked(b"3\r\na=b\r\n0\r\nContent-Length: 9\r\nX: \xff\r\n\r\n"),
    # Forms
    "a login that is no UTF-8": request("POST", "/login", body=b"email=%ff%fe&password=%00&csrf_token=%ff", kind=FORM),
    "raw bytes as a form": page("/cases/new", bytes(range(256))),
    "NUL in a form": page("/cases/new", b"patient=P%001&specimen=%00&note=%00"),
    "no UTF-8 in a form": page("/cases/new", b"patient=%ff%fe&specimen=%c0%af&note=%ed%a0%80"),
    "a huge field": page("/cases/new", b"patient=P-1&specimen=" + b"x" * 200_000),
    "a form beyond the limit": page("/cases/new", b"patient=" + b"x" * 400_000),
    "thousands of fields": page("/cases/new", b"&".join(b"a%d=1" % n for n in range(5000))),
    "one field thousands of times": page("/cases/new", b"patient=P&" * 5000),
    "a thousand empty fields": page("/cases/new", b"&" * 1000 + b"=" * 1000),
    "parts without a boundary": page("/cases/1/images", b"x", "multipart/form-data"),
    "a boundary of a page": page("/cases/1/images", b"x", "multipart/form-data; boundary=" + "b" * 5000),
    "a boundary that is no ASCII": page("/cases/1/images", b"x", "multipart/form-data; boundary=\xff"),
    "half a part's headers": page("/cases/1/images", b"--b\r\nContent-Disp", PARTS),
    "half a part": page("/cases/1/images", part("images", b"x", '; filename="a.png"')[:-9], PARTS),
    "parts without an end": page("/cases/1/images", part("images", b"x" * 5000, '; filename="a.png"'), PARTS),
    "a part without a name": page("/cases/1/images", b"--b\r\n\r\nx\r\n--b--\r\n", PARTS),
    "thousands of parts": page("/cases/1/images", b"".join(part(f"a{n}", b"1") for n in range(3000)) + b"--b--\r\n",
                               PARTS),
    "a part's huge headers": page("/cases/1/images", b"--b\r\nX: " + b"x" * 100_000 + b"\r\n\r\nx\r\n--b--\r\n", PARTS),
    "a file's name that is none": page("/cases/1/images", part("model", b"leukemia") + part(
        "images", b"x", '; filename="../\0\xff\r/a\xfe.png"') + b"--b--\r\n", PARTS),
    "a model that is no UTF-8": page("/cases/1/images", part("model", b"\xff\0") + part(
        "images", b"x", '; filename="a.png"') + b"--b--\r\n", PARTS),
    # What programs send
    "no JSON": program("/cases", b"{'a': "),
    "JSON that is no UTF-8": program("/cases", b'{"patient": "\xff\xfe", "specimen": "blood"}'),
    "JSON with a NUL": program("/cases", b'{"patient": "P\\u00001", "specimen": "bl\\u0000ood"}'),
    "half a surrogate in JSON": program("/cases", b'{"patient": "P-\\ud800", "specimen": "blood", "note": "\\udfff"}'),
    "JSON beyond any depth": program("/cases", b"[" * 100_000),
    "objects beyond any depth": program("/cases", b'{"a":' * 40_000),
    "a number beyond numbers": program("/cases", b'{"patient": ' + b"9" * 20_000 + b', "specimen": 1e999}'),
    "numbers that are none": program("/cases", b'{"patient": NaN, "specimen": -Infinity}'),
    "a list for an object": program("/cases", b"[]"),
    "nothing as JSON": program("/cases", b"null"),
    "JSON as another kind": program("/cases", b'{"patient": "P-1"}', "text/plain; charset=utf-16"),
    "JSON in another coding": program("/cases", json.dumps({"patient": "P-1"}).encode("utf-16"), JSON),
    "an upload without parts": program("/cases/1/images", b"x", PARTS),
    "half an upload": program("/cases/1/images", part("images", b"x", '; filename="a\0\xff.png"')[:-4], PARTS),
    "an upload with thousands of parts": program("/cases/1/images", b"".join(
        part("images", b"", '; filename="a.png"') for _ in range(3000)) + b"--b--\r\n", PARTS),
    "an upload as JSON": program("/cases/1/images", b"{}"),
    "a review that is none": program("/predictions/1/reviews", b'{"verdict": {"a": []}, "comment": "\\ud800"}'),
}
UNKNOWN = "an encoding that is none"
"""RFC 9112 wants 501 for it."""
SILENT = {"nothing but an end", "TLS to a port without it", "noise"}
"""gunicorn may close these without a word."""


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused_or_answered_and_nothing_breaks(name: str, house: House, web: set[int],
                                                      reader: dict[str, str]) -> None:
    sent = CASES[name]
    for word, value in reader.items():
        sent = _with_length(sent.replace(word.encode(), value.encode()), sent)
    said = _exchange(house.portal.port, sent)
    status = re.match(rb"HTTP/1\.[01] (\d{3}) ", said)
    assert status or (not said and name in SILENT), said[:300]
    if status:
        assert int(status.group(1)) < 500 or name == UNKNOWN, said[:1500] + house.portal.told().encode()
    for answer in re.findall(rb"(?s)HTTP/1\.[01] \d{3} .*?\r\n\r\n", said):
        if b"X-Request-ID" in answer:
            assert b"X-Content-Type-Options: nosniff" in answer
            assert b"Content-Security-Policy: " in answer
    assert len(re.findall(rb"HTTP/1\.[01] \d{3} [A-Z]", said)) <= 1, "one request is one answer"
    assert house.portal.answers()
    assert serving(house) == web


def _with_length(sent: bytes, before: bytes) -> bytes:
    """The right length again, where it was right before the words took the places of their names."""
    head, _, body = sent.partition(b"\r\n\r\n")
    was = len(before.partition(b"\r\n\r\n")[2])
    return re.sub(rb"Content-Length: %d(?=\r|$)" % was, b"Content-Length: %d" % len(body), head) + b"\r\n\r\n" + body


def _exchange(port: int, sent: bytes) -> bytes:
    """Everything that comes back until the server closes. Fails when it does not."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as line:
        said = b""
        try:
            line.sendall(sent)
            line.shutdown(socket.SHUT_WR)
            while piece := line.recv(65536):
                said += piece
        except (BrokenPipeError, ConnectionResetError):
            pass  # It refused before it had read everything.
    return said
