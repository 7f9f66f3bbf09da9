"""Fixtures of the clouds' tests: the prod stack's plan as it is, and as a tutorial environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ops.render.program import PROJECT_DIR, render_config
from stacks.stack_file import read_stack_config
from tests.support.cases import changed

if TYPE_CHECKING:
    from collections.abc import Iterator

Plan = dict[str, Any]


@pytest.fixture(scope="session", autouse=True)
def _plain_environment() -> Iterator[None]:
    """What is set on a developer's machine must not change what the stacks render to."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("KUBE_CONTEXT", "KUBECONFIG", "PULUMI_CONFIG", "PULUMI_CONFIG_SECRET_KEYS"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def durable_plan() -> Plan:
    """plan.json of prod, which is durable."""
    return render_config(read_stack_config(PROJECT_DIR, "prod")).plan


@pytest.fixture(scope="session")
def ephemeral_plan() -> Plan:
    """plan.json of prod as a tutorial environment that may vanish, with everything on that prod leaves off."""
    config = read_stack_config(PROJECT_DIR, "prod")
    clusters = {
        "nginx-asia": {
            "kind": "gke",
            "cloud": "asia",
            "location": "asia-east1",
            "registry": "asia",
            "nodes": {"count": 1, "minCount": 1, "maxCount": 3},
            "network": {"flowLogs": True},
        },
        "staging": {
            "kind": "eks",
            "cloud": "tokyo",
            "zones": ["ap-northeast-1a", "ap-northeast-1c"],
            "registry": "tokyo",
            "ingress": {},
            "network": {"nat": "per-zone", "flowLogs": True},
            "nodes": {"minCount": 1, "maxCount": 5, "sessionManager": True, "amiRelease": "1.36.0-20261007"},
            "admins": ["arn:aws:iam::123456789012:role/admin"],
            "ssh": {"publicKey": "ssh-ed25519 " + "A" * 68, "sources": ["10.0.0.0/8"]},
        },
    }
    zones = {"k8s": {"cloud": "tokyo", "mainZone": {"name": "example.com", "make": True}, "subZone": "k8s.example.com"}}
    deployers = {
        "asia": {"cluster": "nginx-asia", "github": "example/slipway"},
        "tokyo": {
            "cluster": "staging",
            "github": "example/slipway",
            "iamUser": {"reason": "the pipeline has no OpenID Connect"},
        },
    }
    return render_config(
        changed(config, lifecycle="ephemeral", clusters=clusters, zones=zones, deployers=deployers)
    ).plan
