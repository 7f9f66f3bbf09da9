"""What a stack has on the cluster, in a form that two moments can be compared by."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local import paths, toolchain
from ops.kube import Access, Kubectl, section
from ops.live import inventory, volumes_of
from tests.support import live

if TYPE_CHECKING:
    from tests.support.live import LiveStack

_RECORD = "helm.sh/release.v1"
MOST_RECORDS = 11
"""Helm keeps ten revisions, and one that is being made."""


def objects(stack: LiveStack) -> set[str]:
    """Everything with the stack's label that no controller derived, of every type, Helm's records left out."""
    kubectl = Kubectl(toolchain.tool("kubectl"), "local", Access(paths.KUBECONFIG, None))
    there = inventory(kubectl, stack.name)
    made = {str(key) for key, item in there.made().items() if item.get("type") != _RECORD}
    claims = [
        f"volume of {section(v, 'spec', 'claimRef').get('namespace')}/{section(v, 'spec', 'claimRef').get('name')}"
        for v in volumes_of(kubectl, there.namespaces())
    ]
    assert len(claims) == len(set(claims)), f"volumes twice: {claims}"
    return made | set(claims)


def secrets(stack: LiveStack) -> dict[str, str]:
    """The values of the stack's Secrets, as `namespace/name/key`; Helm's records left out."""
    return {
        f"{item['metadata']['namespace']}/{item['metadata']['name']}/{key}": base64.b64decode(value).decode()
        for item in stack.objects("secrets")
        if item["type"] != _RECORD
        for key, value in section(item, "data").items()
    }


def as_clean(stack: LiveStack, clean: set[str]) -> None:
    """Assert that the stack is what a clean run makes: everything, nothing more, nothing half done, nobody at it."""
    assert objects(stack) == clean
    apps = stack.apps()
    assert all(app["ready"] == app["desired"] for app in apps.values()), apps
    assert len(stack.pods()) == sum(app["desired"] for app in apps.values()), stack.pods()
    if stack.environment.get("SLIPWAY_ENGINE") == "helm":
        statuses = [status for _, status in stack.releases()]
        assert statuses.count("deployed") == 1, statuses
        assert not [status for status in statuses if status.startswith("pending")], statuses
        assert len(statuses) <= MOST_RECORDS, statuses
    assert leases(stack) == []


def as_gone(stack: LiveStack) -> None:
    """Assert that nothing of the stack is left, volumes, locks and records included."""
    assert objects(stack) == set()
    assert stack.releases() == []
    assert leases(stack) == []


def leases(stack: LiveStack) -> list[str]:
    """Names of the stack's leases."""
    found = live.get("leases.coordination.k8s.io", "-n", "slipway")
    return [item["metadata"]["name"] for item in found if item["metadata"]["name"] == f"slipway-{stack.name}"]


def children(stack: LiveStack) -> list[str]:
    """Command lines of programs that still work on the stack: helm, and Pulumi with its plugins."""
    marks = (f"slipway-{stack.name}".encode(), str(stack.directory).encode())
    found: list[str] = []
    for entry in Path("/proc").glob("[0-9]*"):
        line = _line(entry)
        program = line.split(b"\0")[0].rsplit(b"/", 1)[-1]
        if program.startswith((b"helm", b"pulumi")) and any(mark in line or mark in _home(entry) for mark in marks):
            found.append(line.replace(b"\0", b" ").decode(errors="replace"))
    return found


def _line(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:
        return b""


def _home(entry: Path) -> bytes:
    try:
        return (entry / "environ").read_bytes()
    except OSError:
        return b""


def small(prefix: str, first_port: int, **more: Any) -> dict[str, Any]:
    """Settings of a small stack with a database, a volume and a generated Secret: nginx and the todo app."""
    return {
        "slipway:namespacePrefix": prefix,
        "slipway:clusters": {"local": {"kind": "embedded"}},
        "slipway:apps": {
            "nginx": {"cluster": "local", "replicas": 1, "resources": {"cpu": "10m"}, "nodePort": first_port},
            "todo": {
                "cluster": "local",
                "revision": "01",
                "standIn": True,
                "resources": {"cpu": "10m", "memory": "128Mi"},
                "nodePort": first_port + 1,
            },
        },
        **more,
    }
