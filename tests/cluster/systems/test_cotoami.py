"""Cotoami: sign-in by mail, notes in PostgreSQL, sessions in Redis."""

from __future__ import annotations

import re
import uuid
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support import live

pytestmark = pytest.mark.cluster


def _mail_to(maildev: str, address: str) -> str:
    """Text of the newest mail to an address, over maildev's web API."""
    mails = httpx.get(f"{maildev}/email", timeout=10).json()
    texts = [mail["text"] for mail in mails if mail["to"][0]["address"] == address]
    return str(texts[-1]) if texts else ""


def test_a_sign_in_mail_arrives_and_its_link_signs_in(urls: dict[str, str]) -> None:
    url, maildev = urls["cotoami"], urls["cotoami-maildev"]
    address = f"{uuid.uuid4().hex[:12]}@example.com"
    assert httpx.get(f"{url}/api/public/signin/request/{address}", timeout=10).status_code == 200
    text = live.eventually(lambda: _mail_to(maildev, address), seconds=20)
    match = re.search(r"http://\S+/signin/\S+", text)
    assert match, text
    with httpx.Client(base_url=url, timeout=10) as browser:
        assert browser.get("/api/cotos").status_code == 401
        browser.get(urlsplit(match.group()).path)
        assert browser.get("/api/public/session").json()["amishi"]["email"] == address
        content = f"coto {uuid.uuid4().hex}"
        assert browser.post("/api/cotos", json={"content": content}).status_code == 201
        # The note is PostgreSQL's and the session Redis': both outlive their pods and the app's.
        for pod in ("postgres-0", "redis-master-0"):
            live.kubectl("delete", "pod", "-n", "cotoami", pod)
        live.kubectl("delete", "pod", "-n", "cotoami", "-l", "app=cotoami,tier=frontend")

        def kept() -> bool:
            response = browser.get("/api/cotos")
            response.raise_for_status()
            return content in [coto["content"] for coto in response.json()["cotos"]]

        live.eventually(kept, seconds=90, every=1)
    used = httpx.get(url + urlsplit(match.group()).path, timeout=10)
    assert used.status_code == 404
