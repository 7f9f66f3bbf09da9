"""Every system of the dev stack, on the embedded cluster or on KUBE_CONTEXT."""

from __future__ import annotations

import os

import pytest

from local.cluster import EmbeddedCluster
from local.progress import SilentProgress
from stacks.environment import EMBEDDED_CONTEXT
from tests.support.live import LiveStack, slipway


@pytest.fixture(scope="session")
def live() -> LiveStack:
    """The dev stack, brought up; it stays, as a person's own would."""
    context = os.environ.get("KUBE_CONTEXT")
    kubeconfig = None
    if not context:
        cluster = EmbeddedCluster()
        cluster.up(SilentProgress())
        kubeconfig = cluster.kubeconfig
    result = slipway("up", "--stack", "dev")
    assert result.returncode == 0, result.stdout + result.stderr
    return LiveStack("dev", context or EMBEDDED_CONTEXT, kubeconfig)
