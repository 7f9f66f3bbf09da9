"""Rotation with Pulumi's engine: new values into its state, encrypted, and from there into the Secrets."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from ops.kube import section
from tests.support import live
from tests.support.load import Load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.live import LiveStack

pytestmark = [pytest.mark.cluster, pytest.mark.engine]

PORT = 30875
SETTINGS: dict[str, Any] = {
    "slipway:namespacePrefix": "rot",
    "slipway:clusters": {"local": {"kind": "embedded"}},
    "slipway:apps": {
        "cotoami": {
            "cluster": "local",
            "replicas": 2,
            "nodePort": PORT,
            "resources": {"cpu": "10m", "memory": "128Mi"},
        },
    },
}
PLACES = (("postgres-credential", "password"), ("cotoami-keys", "secret-key-base"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rotation")


@pytest.fixture(scope="module")
def stack(machine: None, home: Path) -> Iterator[LiveStack]:
    assert machine is None
    made = live.make_with("pulumi", home, "rot", "rot", PORT)
    made.settings({**SETTINGS})
    with live.alone("rot"):
        made.run("up")
        yield made
        made.run("down")


def values() -> dict[str, str]:
    found: dict[str, str] = {}
    for name, key in PLACES:
        (secret,) = live.get("secret", name, "-n", "rot-cotoami")
        found[name] = base64.b64decode(str(section(secret, "data")[key])).decode()
    return found


def test_every_value_is_replaced_and_no_request_lost(stack: LiveStack, home: Path) -> None:
    before = values()
    with Load(stack.apps()["cotoami"]["url"].rstrip("/") + "/health_check", fresh_clients=1, kept_clients=0) as load:
        time.sleep(2)
        done = json.loads(stack.run("rotate", "--json").stdout)
        time.sleep(3)
    after = values()
    assert done["engine"] == "pulumi"
    assert all(after[name] != before[name] for name in before)
    assert load.failures == []
    assert load.requests > 50
    # The state has them, encrypted: another run changes nothing.
    assert stack.run("preview").stdout.strip() == "stack rot: no changes"
    stack.run("up")
    assert values() == after
    files = b"".join(file.read_bytes() for file in (home / "data").rglob("*") if file.is_file())
    assert b"postgres-credential" in files
    known = [*before.values(), *after.values()]
    assert [v for v in known if v.encode() in files or base64.b64encode(v.encode()) in files] == []
