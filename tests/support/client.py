"""A browser without a screen: follows the forms' tokens and checks every page it is shown."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse, encode_multipart

from tests.support.authenticator import fresh_code

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


class PageCheck(HTMLParser):
    """Collects what every page must have right."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.title = ""
        self.headings: list[str] = []
        self.posting_forms = 0
        self.tokens = 0
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("id"):
            self.ids.append(str(values["id"]))
        if tag in ("title", "h1") and not self._inside:
            self._inside = tag
            if tag == "h1":
                self.headings.append("")
        if tag == "form" and (values.get("method") or "get").lower() == "post":
            self.posting_forms += 1
        if tag == "input" and values.get("name") == "csrf_token":
            self.tokens += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "title":
            self.title += data
        if self._inside == "h1":
            self.headings[-1] += data


def check_page(html: str) -> None:
    """One heading, the title says it, no id twice, every posting form has its token."""
    page = PageCheck()
    page.feed(html)
    assert len(page.headings) == 1, f"expected one <h1>, found {page.headings}"
    heading = " ".join(page.headings[0].split())
    assert heading, "the heading is empty"
    assert heading in " ".join(page.title.split()), f"title {page.title!r} lacks heading {heading!r}"
    twice = {one for one in page.ids if page.ids.count(one) > 1}
    assert not twice, f"ids used twice: {twice}"
    assert page.tokens >= page.posting_forms, "a posting form has no CSRF token"


class Client:
    """Wraps Flask's test client. `post` brings the token that the session's pages carry.

    Where a login asks for a code it is given at once, as by somebody with the phone in their hand; not so without
    `phone`.
    """

    def __init__(self, app: Flask, *, phone: bool = True) -> None:
        self.app, self.phone = app, phone
        self._client: FlaskClient = app.test_client()

    def get(self, url: str, **kwargs: Any) -> TestResponse:
        return self._checked(self._client.get(url, buffered=True, **kwargs))

    def post(self, url: str, data: dict[str, Any] | None = None, **kwargs: Any) -> TestResponse:
        fields = {**(data or {}), "csrf_token": self.token()}
        if kwargs.get("content_type") == "multipart/form-data":
            # Werkzeug's own client leaves the temporary file of a large body open.
            boundary, body = encode_multipart(fields)
            kwargs["content_type"] = f'multipart/form-data; boundary="{boundary}"'
            return self._checked(self._client.post(url, data=body, buffered=True, **kwargs))
        answer = self._checked(self._client.post(url, data=fields, buffered=True, **kwargs))
        if self.phone and url.partition("?")[0] == "/login" and "email" in fields:
            return self._with_code(answer, fields)
        return answer

    def _with_code(self, answer: TestResponse, fields: dict[str, Any]) -> TestResponse:
        """The answer to the code, where the answer to the password asks for one."""
        asks = (answer.location or "").startswith("/login/code") or 'action="/login/code' in answer.text
        if not asks:
            return answer
        code = fresh_code(self.app, fields["email"])
        return self.post(answer.location or "/login/code", {"code": code, "carried": fields.get("carried", "")})

    def post_json(self, url: str, content: Any) -> TestResponse:
        """As a page's script sends it."""
        headers = {"X-CSRFToken": self.token(), "Accept": "application/json"}
        return self._client.post(url, json=content, headers=headers, buffered=True)

    def post_bytes(self, url: str, data: bytes) -> TestResponse:
        """A piece of a file, as a page's script sends it."""
        headers = {"X-CSRFToken": self.token(), "Accept": "application/json"}
        return self._client.post(url, data=data, headers=headers, content_type="application/octet-stream",
                                 buffered=True)

    def post_without_token(self, url: str, data: dict[str, Any] | None = None, **kwargs: Any) -> TestResponse:
        return self._checked(self._client.open(url, method=kwargs.pop("method", "POST"), data=data or {}, buffered=True,
                                               **kwargs))

    def token(self) -> str:
        """A token from a page that everybody may open."""
        for url in ("/account", "/login", "/account/second-factor"):
            found = TOKEN.search(self._client.get(url, buffered=True).get_data(as_text=True))
            if found:
                return found.group(1)
        raise AssertionError("no page carries a token")

    def _checked(self, answer: TestResponse) -> TestResponse:
        if answer.mimetype == "text/html" and answer.status_code not in (301, 302, 303, 308):
            check_page(answer.get_data(as_text=True))
        return answer
