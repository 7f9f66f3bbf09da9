"""Rules between settings: each with a file that breaks it, and the message that names both sides and the way out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.settings import ABSENT, accept, problem, problems, with_values

DEBUG = {"cluster": "local", "host": "debug.example.com"}
MAIL = {"cluster": "local", "mail": {"server": "smtp.example.com"}}
SECOND = {"kind": "existing"}
WWW = "www.example.com"
H2O_PORT = {"apps.h2o-example.nodePort": 30100}
# Changes to the base, path of the problem, what its text holds.
BROKEN: list[tuple[dict[str, Any], str, str]] = [
    (
        {"apps.nginx": {"cluster": "local", "replicas": 3, "autoscale": {}}},
        "apps.nginx",
        "replicas (3) … autoscale … keep one of them",
    ),
    (
        {"apps.nginx.autoscale": {"minReplicas": 5, "maxReplicas": 4}},
        "apps.nginx.autoscale",
        "minReplicas (5) … maxReplicas (4)",
    ),
    (
        {"apps.nginx.resources": {"memory": "200Mi", "memoryLimit": "100M"}},
        "apps.nginx.resources",
        "memoryLimit (100M) … memory (200Mi)",
    ),
    (
        {"apps.nginx.serviceType": "ClusterIP", "apps.nginx.nodePort": 30100},
        "apps.nginx",
        "nodePort (30100) … NodePort or LoadBalancer … ClusterIP",
    ),
    # The host that an app has on the user's machine.
    (
        {"apps.nginx.host": "h2o-example.localhost", "apps.h2o-example.host": "h2o.example.com"},
        "apps.nginx.host",
        "h2o-example.localhost … already taken by apps.h2o-example.host",
    ),
    (
        {"apps.nginx.host": WWW, "apps.h2o-example.host": WWW},
        "apps.nginx.host",
        f"{WWW} … already taken by apps.h2o-example.host",
    ),
    (
        {"apps.nginx.host": WWW, "clusters.local.ingress": ABSENT},
        "apps.nginx.host",
        f"{WWW} … needs an ingress controller: add clusters.local.ingress",
    ),
    ({"apps.nginx.cluster": "remote"}, "apps.nginx.cluster", "remote … is no cluster of this stack; there is: local"),
    *(
        ({"apps.nginx.nodePort": 30100, **taken}, "apps.nginx.nodePort", f"30100 … already taken by {path}")
        for taken, path in (
            (H2O_PORT, "apps.h2o-example.nodePort"),
            ({"clusters.local.ingress.nodePort": 30100}, "clusters.local.ingress.nodePort"),
            ({"clusters.local.ingress.https.nodePort": 30100}, "clusters.local.ingress.https.nodePort"),
        )
    ),
    (
        {"clusters.local.monitoring": {"grafanaNodePort": 30100, "prometheusNodePort": 30100}},
        "clusters.local.monitoring.prometheusNodePort",
        "30100 … already taken by clusters.local.monitoring.grafanaNodePort",
    ),
    (
        {"clusters.local.ingress.https": {}},
        "clusters.local.ingress.https.redirect",
        "true … needs https.nodePort … redirect: false",
    ),
    (
        {"clusters.local.ingress.https": {"nodePort": 30100, "secret": "own"}},
        "clusters.local.ingress.https.secret",
        "own … kind existing … remove it",
    ),
    (
        {"clusters.second": {**SECOND, "ingress": {"https": {}}}},
        "clusters.second.ingress.https.secret",
        "is missing … kubernetes.io/tls",
    ),
    *(
        (
            {"apps.http-debug-server": {**DEBUG, **few}},
            "apps.http-debug-server",
            "debug.example.com … at least 2 pods, not 1",
        )
        for few in ({"replicas": 1}, {"autoscale": {"minReplicas": 1}})
    ),
    ({"apps.cotoami": {**MAIL, "maildevNodePort": 30100}}, "apps.cotoami", "maildevNodePort (30100) … mail"),
]


@pytest.mark.parametrize(("changes", "path", "texts"), BROKEN)
def test_broken_rules_are_told(changes: dict[str, Any], path: str, texts: str) -> None:
    found = problem(with_values(changes))
    assert found.path == f"slipway:{path}"
    for text in texts.split(" … "):
        assert text in f"{found.value} {found.remedy}"


# The nearest right file for each rule, so that none refuses too much.
KEPT: list[dict[str, Any]] = [
    {"apps.nginx.autoscale": {}},
    {"apps.nginx.autoscale": {"minReplicas": 4, "maxReplicas": 4}},
    {"apps.nginx.resources": {"memory": "1Gi", "memoryLimit": "1024Mi"}},
    {"apps.nginx.serviceType": "NodePort", "apps.nginx.nodePort": 30100},
    {"clusters.second": SECOND, **H2O_PORT, "apps.nginx": {"cluster": "second", "nodePort": 30100}},
    {
        "clusters.second": {**SECOND, "ingress": {}},
        "apps.nginx.host": WWW,
        "apps.h2o-example": {"cluster": "second", "host": WWW},
    },
    {"clusters.local.ingress.https": {"redirect": False}},
    {"clusters.local.ingress.https": {"nodePort": 30100}},
    {"clusters.second": {**SECOND, "ingress": {"https": {"secret": "own"}}}},
    {"apps.http-debug-server": {**DEBUG, "replicas": 2}},
    {"apps.http-debug-server": {"cluster": "local", "replicas": 1}},
    {"apps.cotoami": MAIL},
]


@pytest.mark.parametrize("changes", KEPT)
def test_the_nearest_right_file_is_accepted(changes: dict[str, Any]) -> None:
    accept(with_values(changes))


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        (
            {"apps.nginx.host": WWW, "clusters.local.ingress": ABSENT, "apps.guestbook": {"cluster": "nowhere"}},
            {"apps.nginx.host", "apps.guestbook.cluster"},
        ),
        # A typing mistake in one app does not hide what is wrong between two others.
        ({"apps.guestbook": {"cluster": "local", "slaves": 0}}, {"apps.guestbook.slaves"}),
    ],
)
def test_all_that_is_wrong_is_told_at_once(changes: dict[str, Any], paths: set[str]) -> None:
    found = problems(with_values({**changes, "apps.nginx.nodePort": 30100, **H2O_PORT}))
    assert found.keys() == {*paths, "apps.nginx.nodePort"}
