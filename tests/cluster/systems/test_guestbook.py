"""The guestbook writes to the Redis master and reads from its copies."""

from __future__ import annotations

import uuid

import httpx
import pytest

from tests.support import live

pytestmark = pytest.mark.cluster


def test_an_entry_is_read_back_from_a_copy(urls: dict[str, str]) -> None:
    url = f"{urls['guestbook-frontend']}/guestbook.php"
    entry = f"hello {uuid.uuid4().hex}"
    assert httpx.get(url, params={"cmd": "set", "key": "messages", "value": entry}).status_code == 200
    live.eventually(
        lambda: httpx.get(url, params={"cmd": "get", "key": "messages"}).json()["data"] == entry, seconds=10
    )
    slaves = live.pods("guestbook", "role=slave")
    assert len(slaves) == 2
    for pod in slaves:
        name = pod["metadata"]["name"]
        read = live.kubectl("exec", "-n", "guestbook", name, "--", "redis-cli", "get", "messages").stdout
        assert read.strip() == entry
        role = live.kubectl("exec", "-n", "guestbook", name, "--", "redis-cli", "role").stdout.split()
        assert role[0] == "slave"
        assert "connected" in role
