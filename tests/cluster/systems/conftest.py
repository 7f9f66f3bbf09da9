"""Every system of the dev stack, on the embedded cluster or on KUBE_CONTEXT."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from local.cluster import EmbeddedCluster
from stacks.environment import EMBEDDED_CONTEXT
from tests.support.running import RunningStack

if TYPE_CHECKING:
    from tests.support.live import LiveStack


@pytest.fixture(scope="session")
def live(dev: LiveStack) -> RunningStack:
    """The dev stack, up; it stays, as a person's own would."""
    context = os.environ.get("KUBE_CONTEXT")
    return RunningStack(dev.name, context or EMBEDDED_CONTEXT, None if context else EmbeddedCluster().kubeconfig)
