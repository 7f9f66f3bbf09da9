"""Fixtures of the tests on the embedded cluster."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.support import live
from tests.support.live import PROJECT, LiveStack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.cluster import EmbeddedCluster


@pytest.fixture(scope="session", autouse=True)
def machine(machine: EmbeddedCluster) -> EmbeddedCluster:
    """Every test here needs it."""
    return machine


@pytest.fixture(scope="session")
def dev() -> LiveStack:
    """The project's own dev stack, up; it is left running."""
    stack = LiveStack("dev", PROJECT)
    # On a new machine this builds every image first.
    stack.run("up", timeout=3600)
    return stack


@pytest.fixture(scope="session")
def urls(dev: LiveStack) -> dict[str, str]:
    """Where each app of the dev stack answers, by its name."""
    return {name: str(app["url"]) for name, app in dev.apps().items() if app["url"]}


@pytest.fixture
def namespace() -> Iterator[str]:
    """A namespace in which the API server enforces the Pod Security level `restricted`; removed afterwards."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    live.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    # A pod is refused until the namespace has its default account.
    live.wait_for(lambda: live.get("serviceaccount", "default", "-n", name), 20)
    yield name
    live.kubectl("delete", "namespace", name, "--wait=false")
