"""What a stack has on the cluster, in a form that two moments can be compared by."""

from __future__ import annotations

import base64
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local import paths, toolchain
from ops.kube import Access, Kubectl, section
from ops.live import inventory, volumes_of
from tests.support import live

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from tests.support.live import LiveStack

_PULUMI = ("pulumi", "pulumi-resource-kubernetes", "pulumi-language-python")


def objects(stack: LiveStack) -> set[str]:
    """Everything with the stack's label that no controller derived, of every type."""
    kubectl = Kubectl(toolchain.tool("kubectl"), "local", Access(paths.KUBECONFIG, None))
    there = inventory(kubectl, stack.name)
    made = {str(key) for key in there.made()}
    claims = [
        f"volume of {section(v, 'spec', 'claimRef').get('namespace')}/{section(v, 'spec', 'claimRef').get('name')}"
        for v in volumes_of(kubectl, there.namespaces())
    ]
    assert len(claims) == len(set(claims)), f"volumes twice: {claims}"
    return made | set(claims)


def secrets(stack: LiveStack) -> dict[str, str]:
    """The values of the stack's Secrets, as `namespace/name/key`."""
    return {
        f"{item['metadata']['namespace']}/{item['metadata']['name']}/{key}": base64.b64decode(value).decode()
        for item in stack.objects("secrets")
        for key, value in section(item, "data").items()
    }


def as_clean(stack: LiveStack, clean: set[str]) -> None:
    """Assert that the stack is what a clean run makes: everything, nothing more, nothing half done, nobody at it."""
    assert objects(stack) == clean
    apps = stack.apps()
    assert all(app["ready"] == app["desired"] for app in apps.values()), apps
    assert len(stack.pods()) == sum(app["desired"] for app in apps.values()), stack.pods()
    at_rest(stack)


def at_rest(stack: LiveStack) -> None:
    """Assert that nobody works on the stack, and that Pulumi's state has nothing half done."""
    assert stack.locks() == []
    assert "pending_operations" not in stack.state()


def as_gone(stack: LiveStack) -> None:
    """Assert that nothing of the stack is left, volumes and Pulumi's state included."""
    assert objects(stack) == set()
    assert (stack.state(), stack.locks()) == ({}, [])


@contextmanager
def own(directory: Path, name: str, first_port: int, settings: Mapping[str, Any] | None = None) -> Generator[LiveStack]:
    """A stack of the tests' own, in namespaces that begin with its name: not there yet, and gone without a trace at the
    end."""
    stack = live.make(directory, name, name, first_port)
    stack.settings(settings)
    with live.alone(name):
        # What a run of the tests that was killed left: its state is gone.
        stack.run("down", "--by-label", "--yes-remove-durable", name)
        yield stack
        stack.run("down", timeout=900)
        as_gone(stack)


def children(stack: LiveStack) -> list[str]:
    """Command lines of programs that still work on the stack: Pulumi and its plugins."""
    found: list[str] = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line, variables = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
        except OSError:
            continue
        program = line.split(b"\0")[0].rsplit(b"/", 1)[-1].decode(errors="replace")
        if program in _PULUMI and str(stack.directory).encode() in line + variables:
            found.append(line.replace(b"\0", b" ").decode(errors="replace"))
    return found


def small(first_port: int) -> dict[str, Any]:
    """Settings of a small stack with a database, a volume and a generated Secret: nginx and the todo app."""
    return {
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
    }
