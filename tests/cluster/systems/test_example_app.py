"""example-app reads MySQL through `mysql-service`, and reads another one when that name stands for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support import live

if TYPE_CHECKING:
    from collections.abc import Iterator


pytestmark = pytest.mark.cluster
NAMESPACE = "example-app"
SECOND = "second-mysql"


def _messages(url: str) -> list[str]:
    response = httpx.get(url, timeout=10)
    assert response.status_code == 200
    return [message["body"] for message in response.json()["messages"]]


@pytest.fixture
def second() -> Iterator[str]:
    """A second database: the first one's pod under another name, with an empty volume and another first row."""
    (pod,) = live.get("pod", "-n", NAMESPACE, "mariadb-0")
    spec = pod["spec"]
    for key in ("nodeName", "hostname", "subdomain"):
        spec.pop(key, None)
    for volume in spec["volumes"]:
        if "persistentVolumeClaim" in volume:
            volume.pop("persistentVolumeClaim")
            volume["emptyDir"] = {}
        if "configMap" in volume:
            volume["configMap"]["name"] = SECOND
    rows = (
        "CREATE TABLE IF NOT EXISTS messages (id INT AUTO_INCREMENT PRIMARY KEY, body VARCHAR(255) NOT NULL);"
        "INSERT INTO messages (body) VALUES ('hello from the second');"
    )
    objects = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": SECOND, "namespace": NAMESPACE},
            "data": {"10-messages.sql": rows},
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": SECOND, "namespace": NAMESPACE, "labels": {"app": SECOND}},
            "spec": spec,
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": SECOND, "namespace": NAMESPACE},
            "spec": {"selector": {"app": SECOND}, "ports": [{"port": 3306}]},
        },
    ]
    live.apply(*objects)
    try:
        live.kubectl("wait", "-n", NAMESPACE, f"pod/{SECOND}", "--for=condition=Ready", "--timeout=100s")
        yield f"{SECOND}.{NAMESPACE}.svc.cluster.local"
    finally:
        live.kubectl("delete", "-n", NAMESPACE, f"pod/{SECOND}", f"service/{SECOND}", f"configmap/{SECOND}")


def _uids() -> set[str]:
    return {pod["metadata"]["uid"] for pod in live.pods(NAMESPACE, "app=example-app")}


def test_the_external_name_alone_decides_what_is_read(urls: dict[str, str], second: str) -> None:
    url = urls["example-app"]
    assert "hello from mysql" in _messages(url)
    before = _uids()
    (service,) = live.get("service", "-n", NAMESPACE, "mysql-service")
    assert "selector" not in service["spec"]

    def point_to(host: str) -> None:
        patch = json.dumps({"spec": {"externalName": host}})
        live.kubectl("patch", "service", "-n", NAMESPACE, "mysql-service", "--type=merge", "-p", patch)

    point_to(second)
    try:
        live.eventually(lambda: "hello from the second" in _messages(url), seconds=60)
    finally:
        point_to(service["spec"]["externalName"])
    live.eventually(lambda: "hello from mysql" in _messages(url), seconds=60)
    assert _uids() == before
