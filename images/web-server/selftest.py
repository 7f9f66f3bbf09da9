"""Run by the image's build stage: what does not pass is not packaged."""

# ruff: noqa: PT009, PT027 - the image has unittest, and no pytest

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import unittest
from typing import Any

from gridstore import Gridstore
from server import ISSUER, STATIC, Issuer, application
from tokens import TokenError, verify

from images.serving.http import Request, Response

KEY = b"k" * 32
NOW = 1_700_000_000


class Rows(Gridstore):
    """A database in memory."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1", 9, "test")
        self.rows: dict[str, dict[str, Any]] = {}

    def put(self, container: str, key: str, row: dict[str, Any]) -> None:
        self.rows[f"{container}/{key}"] = row

    def get(self, container: str, key: str) -> dict[str, Any] | None:
        return self.rows.get(f"{container}/{key}")

    def delete(self, container: str, key: str) -> None:
        self.rows.pop(f"{container}/{key}", None)

    def query(self, container: str, **where: object) -> list[dict[str, Any]]:
        found = {k.removeprefix(f"{container}/"): v for k, v in sorted(self.rows.items())}
        return [{"key": k, "row": v} for k, v in found.items() if all(v[name] == is_ for name, is_ in where.items())]


def token(user: str = "anna", issuer: str = ISSUER, expires: int = NOW + 60, key: bytes = KEY) -> str:
    """A token as auth signs it."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256"}, {"iss": issuer, "sub": user, "exp": expires})]
    signed = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    signature = base64.urlsafe_b64encode(hmac.digest(key, signed.encode(), hashlib.sha256)).rstrip(b"=").decode()
    return f"{signed}.{signature}"


class Todos(unittest.TestCase):
    """The page, its files, and the todos behind a token."""

    def setUp(self) -> None:
        self.app = application(KEY, Issuer("http://127.0.0.1:9"), Rows(), lambda: NOW)

    def ask(self, method: str, path: str, body: object = None, user: str | None = "anna") -> Response:
        headers = {} if user is None else {"authorization": f"Bearer {token(user)}"}
        return self.app.answer(Request(method, path, {}, headers, json.dumps(body).encode()))

    def test_the_page_and_every_file_that_it_names_are_served(self) -> None:
        page = self.ask("GET", "/", user=None)
        self.assertEqual(page.status, 200)
        named = re.findall(r'(?:src|href)="/?([\w.-]+\.(?:js|css))"', (STATIC / "index.html").read_text("utf-8"))
        self.assertTrue(named)
        for name in named:
            self.assertEqual(self.ask("GET", f"/{name}", user=None).status, 200, name)

    def test_a_todo_is_made_changed_and_removed_by_its_user_alone(self) -> None:
        made = self.ask("POST", "/api/todos", {"title": "milk"})
        self.assertEqual(made.status, 201)
        key = json.loads(made.body)["id"]
        self.assertEqual(json.loads(self.ask("GET", "/api/todos", user="bert").body)["todos"], [])
        self.assertEqual(self.ask("PATCH", f"/api/todos/{key}", {"done": True}, user="bert").status, 404)
        self.assertEqual(self.ask("PATCH", f"/api/todos/{key}", {"done": True}).status, 200)
        (todo,) = json.loads(self.ask("GET", "/api/todos").body)["todos"]
        self.assertEqual((todo["title"], todo["done"]), ("milk", True))
        self.assertEqual(self.ask("DELETE", f"/api/todos/{key}").status, 204)
        self.assertEqual(json.loads(self.ask("GET", "/api/todos").body)["todos"], [])

    def test_without_a_token_there_is_nothing(self) -> None:
        self.assertEqual(self.ask("GET", "/api/todos", user=None).status, 401)
        self.assertEqual(verify(token(), KEY, ISSUER, NOW), "anna")
        for wrong in (token(key=b"x" * 32), token(expires=NOW), token(issuer="else"), "a.b.c", ""):
            with self.assertRaises(TokenError):
                verify(wrong, KEY, ISSUER, NOW)


if __name__ == "__main__":
    unittest.main()
