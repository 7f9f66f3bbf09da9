"""Run by the image's build stage: what does not pass is not packaged."""

# ruff: noqa: PT009 - the image has unittest, and no pytest

from __future__ import annotations

import base64
import json
import unittest
from typing import TYPE_CHECKING

from server import ISSUER, application, sign

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

KEY = b"k" * 32
NOW = 1_700_000_000


def ask(method: str, path: str, body: object = None) -> TestResponse:
    """What the issuer answers."""
    return application(KEY, 60, lambda: NOW).test_client().open(path, method=method, json=body)


class Issuing(unittest.TestCase):
    """Tokens, and the refusal of what is no name."""

    def test_a_token_names_its_user_and_its_end(self) -> None:
        answer = ask("POST", "/token", {"user": "anna"})
        self.assertEqual(answer.status_code, 200)
        token: str = json.loads(answer.data)["token"]
        claims = token.split(".")[1]
        content = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        self.assertEqual(content, {"iss": ISSUER, "sub": "anna", "iat": NOW, "exp": NOW + 60})
        self.assertEqual(token, sign(content, KEY))
        self.assertNotEqual(token, sign(content, b"x" * 32))

    def test_a_name_is_what_people_are_called(self) -> None:
        for name, same in (("Anna Müller", "Anna Müller"), ("Anna Mu\u0308ller", "Anna Müller"), ("O'Neil", "O'Neil")):
            token: str = json.loads(ask("POST", "/token", {"user": name}).data)["token"]
            claims = token.split(".")[1]
            content = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
            self.assertEqual(content["sub"], same)

    def test_no_name_no_token(self) -> None:
        wrong: tuple[object, ...] = (
            {},
            {"user": ""},
            {"user": "<a>"},
            {"user": "a\tb"},
            {"user": "\ud83d"},
            {"user": 7},
            [],
        )
        for body in wrong:
            self.assertEqual(ask("POST", "/token", body).status_code, 400, body)

    def test_it_says_that_it_is_well(self) -> None:
        self.assertEqual(ask("GET", "/healthz").status_code, 200)
        self.assertEqual(ask("GET", "/token").status_code, 405)


if __name__ == "__main__":
    unittest.main()
