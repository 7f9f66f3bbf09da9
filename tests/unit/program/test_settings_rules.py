"""Rules between settings: each with a file that breaks it, and the message that names both sides and the way out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.settings import ABSENT, accept, problem, refuse, with_values

# Changes to the base, path of the problem, what its text holds.
BROKEN: dict[str, tuple[dict[str, Any], str, tuple[str, ...]]] = {
    "replicas and autoscale": (
        {"apps.nginx.replicas": 3, "apps.nginx.autoscale": {}},
        "apps.nginx",
        ("replicas (3)", "autoscale", "keep one of them"),
    ),
    "more least than most": (
        {"apps.nginx.autoscale": {"minReplicas": 5, "maxReplicas": 4}},
        "apps.nginx.autoscale",
        ("minReplicas (5)", "maxReplicas (4)"),
    ),
    "limit below request": (
        {"apps.nginx.resources": {"memory": "200Mi", "memoryLimit": "100M"}},
        "apps.nginx.resources",
        ("memoryLimit (100M)", "memory (200Mi)"),
    ),
    "node port without a node": (
        {"apps.nginx.serviceType": "ClusterIP", "apps.nginx.nodePort": 30100},
        "apps.nginx",
        ("nodePort (30100)", "NodePort or LoadBalancer", "ClusterIP"),
    ),
    "a host that another app has on the user's machine": (
        {"apps.nginx.host": "h2o-example.localhost", "apps.h2o-example.host": "h2o.example.com"},
        "apps.nginx.host",
        ("h2o-example.localhost", "already taken by apps.h2o-example.host"),
    ),
    "unknown cluster": (
        {"apps.nginx.cluster": "remote"},
        "apps.nginx.cluster",
        ("remote", "is no cluster of this stack; there is: local"),
    ),
    "node port taken by an app": (
        {"apps.nginx.nodePort": 30100, "apps.h2o-example.nodePort": 30100},
        "apps.nginx.nodePort",
        ("30100", "already taken by apps.h2o-example.nodePort"),
    ),
    "node port taken by the ingress controller": (
        {"apps.nginx.nodePort": 30100, "clusters.local.ingress.nodePort": 30100},
        "apps.nginx.nodePort",
        ("30100", "already taken by clusters.local.ingress.nodePort"),
    ),
    "node ports of the monitoring": (
        {"clusters.local.monitoring": {"grafanaNodePort": 30100, "prometheusNodePort": 30100}},
        "clusters.local.monitoring.prometheusNodePort",
        ("30100", "already taken by clusters.local.monitoring.grafanaNodePort"),
    ),
    "host without ingress controller": (
        {"apps.nginx.host": "www.example.com", "clusters.local.ingress": ABSENT},
        "apps.nginx.host",
        ("www.example.com", "needs an ingress controller: add clusters.local.ingress"),
    ),
    "a redirect to a port that nobody knows": (
        {"clusters.local.ingress.https": {}},
        "clusters.local.ingress.https.redirect",
        ("true", "needs https.nodePort", "redirect: false"),
    ),
    "node port of HTTPS taken": (
        {"apps.nginx.nodePort": 30100, "clusters.local.ingress.https": {"nodePort": 30100}},
        "apps.nginx.nodePort",
        ("30100", "already taken by clusters.local.ingress.https.nodePort"),
    ),
    "a certificate of one's own where one is made": (
        {"clusters.local.ingress.https": {"nodePort": 30100, "secret": "own"}},
        "clusters.local.ingress.https.secret",
        ("own", "kind existing", "remove it"),
    ),
    "no certificate on somebody's own cluster": (
        {"clusters.second": {"kind": "existing", "ingress": {"https": {}}}},
        "clusters.second.ingress.https.secret",
        ("is missing", "kubernetes.io/tls"),
    ),
    "host taken": (
        {"apps.nginx.host": "www.example.com", "apps.h2o-example.host": "www.example.com"},
        "apps.nginx.host",
        ("www.example.com", "already taken by apps.h2o-example.host"),
    ),
    "sticky with one pod": (
        {"apps.http-debug-server": {"cluster": "local", "replicas": 1, "host": "debug.example.com"}},
        "apps.http-debug-server",
        ("debug.example.com", "at least 2 pods, not 1"),
    ),
    "sticky scaled down to one pod": (
        {
            "apps.http-debug-server": {
                "cluster": "local",
                "autoscale": {"minReplicas": 1},
                "host": "debug.example.com",
            }
        },
        "apps.http-debug-server",
        ("debug.example.com", "at least 2 pods, not 1"),
    ),
    "maildev beside a mail server": (
        {"apps.cotoami": {"cluster": "local", "maildevNodePort": 30100, "mail": {"server": "smtp.example.com"}}},
        "apps.cotoami",
        ("maildevNodePort (30100)", "mail"),
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_rules_are_told(name: str) -> None:
    changes, path, texts = BROKEN[name]
    found = problem(with_values(changes))
    assert found.path == f"slipway:{path}"
    for text in texts:
        assert text in f"{found.value} {found.remedy}"


# The nearest right file for each rule, so that none refuses too much.
KEPT: dict[str, dict[str, Any]] = {
    "autoscale alone": {"apps.nginx.autoscale": {}},
    "least equals most": {"apps.nginx.autoscale": {"minReplicas": 4, "maxReplicas": 4}},
    "limit equals request in other units": {"apps.nginx.resources": {"memory": "1Gi", "memoryLimit": "1024Mi"}},
    "node port of a node port service": {"apps.nginx.serviceType": "NodePort", "apps.nginx.nodePort": 30100},
    "one port on two clusters": {
        "clusters.second": {"kind": "existing"},
        "apps.nginx.nodePort": 30100,
        "apps.h2o-example": {"cluster": "second", "nodePort": 30100},
    },
    "one host on two clusters": {
        "clusters.second": {"kind": "existing", "ingress": {}},
        "apps.nginx.host": "www.example.com",
        "apps.h2o-example": {"cluster": "second", "host": "www.example.com"},
    },
    "HTTPS beside HTTP, at any port": {"clusters.local.ingress.https": {"redirect": False}},
    "HTTPS in HTTP's place, at a fixed port": {"clusters.local.ingress.https": {"nodePort": 30100}},
    "a certificate of one's own, at a load balancer": {
        "clusters.second": {"kind": "existing", "ingress": {"https": {"secret": "own"}}},
    },
    "sticky with two pods": {
        "apps.http-debug-server": {"cluster": "local", "replicas": 2, "host": "debug.example.com"}
    },
    "one pod without a host": {"apps.http-debug-server": {"cluster": "local", "replicas": 1}},
    "a mail server alone": {"apps.cotoami": {"cluster": "local", "mail": {"server": "smtp.example.com"}}},
}


@pytest.mark.parametrize("name", KEPT)
def test_the_nearest_right_file_is_accepted(name: str) -> None:
    accept(with_values(KEPT[name]))


def test_all_broken_rules_are_told_at_once() -> None:
    changes = {
        "apps.nginx.nodePort": 30100,
        "apps.h2o-example.nodePort": 30100,
        "apps.nginx.host": "www.example.com",
        "clusters.local.ingress": ABSENT,
        "apps.guestbook": {"cluster": "nowhere"},
    }
    paths = {p.path for p in refuse(with_values(changes)).problems}
    assert paths == {"slipway:apps.nginx.nodePort", "slipway:apps.nginx.host", "slipway:apps.guestbook.cluster"}


def test_rules_are_checked_beside_wrong_values() -> None:
    """A typing mistake in one app does not hide what is wrong between two others."""
    changes = {
        "apps.guestbook": {"cluster": "local", "slaves": 0},
        "apps.nginx.nodePort": 30100,
        "apps.h2o-example.nodePort": 30100,
    }
    paths = {p.path for p in refuse(with_values(changes)).problems}
    assert paths == {"slipway:apps.guestbook.slaves", "slipway:apps.nginx.nodePort"}
