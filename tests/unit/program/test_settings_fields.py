"""Every kind of setting: what it takes, what it refuses, and that the message holds key path, value and remedy."""

from __future__ import annotations

from typing import Any

import pytest

from stacks.settings import Settings
from tests.support.settings import ABSENT, BASE, accept, problem, refuse, with_values

DIGEST = "sha256:" + "0123456789abcdef" * 4

# Path, value as in the file, value as in the settings (where it differs).
ACCEPTED: list[tuple[str, Any]] = [
    ("apps.nginx.replicas", 1),
    ("apps.nginx.replicas", 100),
    ("apps.nginx.replicas", "3"),
    ("apps.nginx.replicas", 3.0),
    ("apps.nginx.nodePort", 30000),
    ("apps.nginx.nodePort", 32767),
    ("apps.nginx.serviceType", "ClusterIP"),
    ("apps.nginx.serviceType", "NodePort"),
    ("apps.nginx.image", "nginx:1.29"),
    ("apps.nginx.image", "docker.io/library/nginx:1.29.3"),
    ("apps.nginx.image", "localhost:5000/team/nginx:v1_2.3-x"),
    ("apps.nginx.image", f"registry.example.com/a__b/c.d-e@{DIGEST}"),
    ("apps.nginx.image", f"nginx:latest@{DIGEST}"),
    ("apps.nginx.host", "www.example.com"),
    ("apps.nginx.host", "a." + "b" * 63 + ".example"),
    ("apps.nginx.host", "10.0.0.5.nip.example"),
    ("apps.example-app", {"cluster": "local", "mysqlHost": "db.data.svc.cluster.local"}),
    ("apps.cotoami", {"cluster": "local", "mail": {"server": "10.0.0.5"}}),
    ("apps.nginx.resources.cpu", "100m"),
    ("apps.nginx.resources.cpu", "0.5"),
    ("apps.nginx.resources.cpu", 2),
    ("apps.nginx.resources.cpu", 0.25),
    ("apps.nginx.resources.memory", "1Gi"),
    ("apps.nginx.resources.memory", 104857600),
    ("apps.nginx.resources.memoryLimit", "200M"),
    ("apps.nginx.autoscale", {"minReplicas": 1, "maxReplicas": 1}),
    ("apps.nginx.autoscale", {"cpuPercent": 100, "scaleDownSeconds": 0}),
    ("apps.h2o-example.revision", "1"),
    ("apps.h2o-example.revision", 7),
    ("apps.h2o-example.revision", "0f3c9e1d2b4a5f60718293a4b5c6d7e8f9012345"),
    ("apps.nginx.cluster", "local"),
    ("owner", "somebody"),
    ("owner", "a" * 40),
    ("lifecycle", "durable"),
    ("namespacePrefix", ""),
    ("namespacePrefix", "review-17"),
    ("clusters.local.registry", "localhost:5000"),
    ("clusters.local.registry", "asia-east1-docker.pkg.dev/project/repository"),
    ("clusters.local.storageClass", "fast-ssd"),
    ("clusters.local.ingress.replicas", 20),
    ("clusters.local.ingress.nodePort", 31000),
    ("clusters.local.monitoring.retentionDays", 1),
    ("clusters.local.monitoring.storage", "10Gi"),
    ("clusters.local", {"kind": "existing", "context": "kind-kind", "nodeAddress": "192.168.0.3", "ingress": {}}),
]

# Path, value, what the remedy says.
REFUSED: list[tuple[str, Any, str]] = [
    ("apps.nginx.replicas", 0, "must be at least 1"),
    ("apps.nginx.replicas", -1, "must be at least 1"),
    ("apps.nginx.replicas", 101, "must be at most 100"),
    ("apps.nginx.replicas", 2.5, "must be a whole number"),
    ("apps.nginx.replicas", "two", "must be a whole number"),
    ("apps.nginx.replicas", True, "not true or false"),
    ("apps.nginx.replicas", [2], "must be a whole number"),
    ("apps.nginx.replicas", 10**30, "must be at most 100"),
    ("apps.nginx.nodePort", 80, "must be at least 30000"),
    ("apps.nginx.nodePort", 32768, "must be at most 32767"),
    ("apps.nginx.serviceType", "Loadbalancer", "must be one of: 'ClusterIP', 'NodePort' or 'LoadBalancer'"),
    ("apps.nginx.image", "", "must be an image reference with a name"),
    ("apps.nginx.image", ":1.29", "must be an image reference with a name"),
    ("apps.nginx.image", "docker.io/:1.29", "must be an image reference with a name"),
    ("apps.nginx.image", "Nginx:1.29", "must be an image reference with a name"),
    ("apps.nginx.image", "nginx", "must carry a tag or a digest"),
    ("apps.nginx.image", "localhost:5000/nginx", "must carry a tag or a digest"),
    ("apps.nginx.image", "nginx:latest", "must name a fixed version, not latest"),
    ("apps.nginx.image", "nginx:", "bad tag"),
    ("apps.nginx.image", "nginx:-x", "bad tag"),
    ("apps.nginx.image", "nginx:1 29", "bad tag"),
    ("apps.nginx.image", "nginx@sha256:12", "bad digest"),
    ("apps.nginx.image", "nginx:1@", "bad digest"),
    ("apps.nginx.image", 5, "must be text"),
    ("apps.nginx.host", "localhost", "must be a host name"),
    ("apps.nginx.host", "bad_host.example.com", "must be a host name"),
    ("apps.nginx.host", "-a.example.com", "must be a host name"),
    ("apps.nginx.host", "a..example.com", "must be a host name"),
    ("apps.nginx.host", "WWW.example.com", "must be a host name"),
    ("apps.nginx.host", "b" * 64 + ".example.com", "must be a host name"),
    ("apps.nginx.host", ".".join(["a" * 50] * 6), "must be a host name"),
    ("apps.nginx.host", "10.0.0.5", "is an IP address"),
    ("apps.nginx.host", "fd00::5", "is an IP address"),
    ("apps.nginx.host", "10.0.0.555", "the last no number"),
    ("apps.nginx.host", "www.example.com.", "must be a host name"),
    ("apps.nginx.resources.cpu", "lots", "must be a CPU quantity"),
    ("apps.nginx.resources.cpu", "0", "more than 0"),
    ("apps.nginx.resources.cpu", "0m", "must be a CPU quantity"),
    ("apps.nginx.resources.cpu", "-1", "must be a CPU quantity"),
    ("apps.nginx.resources.cpu", "5000", "at most 1000 cores"),
    ("apps.nginx.resources.cpu", "9" * 400, "must be a CPU quantity"),
    ("apps.nginx.resources.cpu", True, "not true or false"),
    ("apps.nginx.resources.memory", "much", "must be a size"),
    ("apps.nginx.resources.memory", "100mb", "must be a size"),
    ("apps.nginx.resources.memory", "1", "between 1Mi and 1024Ti"),
    ("apps.nginx.resources.memory", "9999Ti", "between 1Mi and 1024Ti"),
    ("apps.nginx.resources", "big", "must be a mapping"),
    ("apps.nginx.autoscale.cpuPercent", 0, "must be at least 1"),
    ("apps.nginx.autoscale.cpuPercent", 101, "must be at most 100"),
    ("apps.nginx.autoscale.scaleDownSeconds", -1, "must be at least 0"),
    ("apps.nginx.autoscale", 3, "must be a mapping"),
    ("apps.h2o-example.revision", "latest", "not latest"),
    ("apps.h2o-example.revision", "a b", "usable as image tag and label"),
    ("apps.h2o-example.revision", "-1", "usable as image tag and label"),
    ("apps.h2o-example.revision", "1-", "usable as image tag and label"),
    ("apps.h2o-example.revision", "", "usable as image tag and label"),
    ("apps.h2o-example.revision", "a" * 64, "usable as image tag and label"),
    ("apps.h2o-example.revision", False, "not true or false"),
    ("apps.nginx.cluster", "Local", "must be a DNS label"),
    ("apps.nginx", "yes", "must be a mapping"),
    ("apps", ["nginx"], "must be a mapping"),
    ("apps", "nginx", "must be a mapping"),
    ("owner", "Somebody Else", "must be a DNS label"),
    ("owner", "a" * 41, "at most 40"),
    ("lifecycle", "forever", "must be one of: 'ephemeral' or 'durable'"),
    ("namespacePrefix", "Review", "lower-case"),
    ("namespacePrefix", "a" * 21, "at most 20"),
    ("clusters", [], "must be a mapping"),
    ("clusters.local", "embedded", "must be a mapping"),
    ("clusters.local.kind", "minikube", "must be one of: "),
    ("clusters.local.registry", "http://localhost:5000", "must be a registry address"),
    ("clusters.local.storageClass", "Fast SSD", "must be a DNS label"),
    ("clusters.local.ingress.replicas", 0, "must be at least 1"),
    ("clusters.local.ingress.replicas", True, "not true or false"),
    ("clusters.local.ingress.nodePort", 8080, "must be at least 30000"),
    ("clusters.local.monitoring.retentionDays", 0, "must be at least 1"),
    ("clusters.local.monitoring.storage", "lots", "must be a size"),
]


def label(case: tuple[Any, ...]) -> str:
    return f"{case[0]}={str(case[1])[:40]}"


@pytest.mark.parametrize("case", ACCEPTED, ids=label)
def test_accepted(case: tuple[str, Any]) -> None:
    path, value = case
    assert isinstance(accept(with_values({path: value})), Settings)


@pytest.mark.parametrize("value", ["10.0.0.5", "::1", "db", "db_1.example.com", "300.1.1.1"])
def test_a_database_elsewhere_is_named_as_dns_names_it(value: str) -> None:
    found = problem(with_values({"apps.example-app": {"cluster": "local", "mysqlHost": value}}))
    assert (found.path, found.value) == ("slipway:apps.example-app.mysqlHost", value)
    assert "such as debug.example.com" in found.remedy


def test_an_address_is_an_ip_address_or_a_name() -> None:
    found = problem(with_values({"clusters.local": {"kind": "existing", "context": "x", "nodeAddress": "300.1.1.1"}}))
    assert "must be an IP address or a host name" in found.remedy


@pytest.mark.parametrize("case", REFUSED, ids=label)
def test_refused(case: tuple[str, Any, str]) -> None:
    path, value, remedy = case
    found = problem(with_values({path: value}))
    assert found.path == f"slipway:{path}"
    assert found.value is not None
    assert str(value)[:40] in found.value or repr(value)[:40] in found.value
    assert remedy in found.remedy


# Path of an unknown key, and what the remedy hints at.
UNKNOWN: list[tuple[str, str]] = [
    ("replicas", "known here: "),
    ("app", "did you mean apps?"),
    ("apps.ngnix", "did you mean nginx?"),
    ("apps.nginx.replica", "did you mean replicas?"),
    ("apps.nginx.node_port", "did you mean nodePort?"),
    ("apps.nginx.resources.ram", "known here: cpu, memory, memoryLimit"),
    ("apps.nginx.autoscale.max", "known here: "),
    ("clusters.local.ingres", "did you mean ingress?"),
    ("clusters.local.context", "known here: "),
    ("clusters.local.monitoring.disk", "known here: "),
]


@pytest.mark.parametrize("case", UNKNOWN, ids=label)
def test_unknown_keys_are_refused_with_a_hint(case: tuple[str, str]) -> None:
    path, hint = case
    found = problem(with_values({path: "x"}))
    assert found.path == f"slipway:{path}"
    assert found.value == "x"
    assert found.remedy.startswith("unknown key; ")
    assert hint in found.remedy


MISSING = ["apps.nginx.cluster", "clusters.local.kind"]


@pytest.mark.parametrize("path", MISSING)
def test_missing_keys_are_named(path: str) -> None:
    found = problem(with_values({path: ABSENT}))
    assert found.path.startswith("slipway:" + path.rpartition(".")[0])
    assert path.rpartition(".")[2] in f"{found.path} {found.remedy}"


def test_a_stack_without_any_cluster_is_refused() -> None:
    trees: list[dict[str, Any]] = [{}, {"clusters": {}}, {**BASE, "clusters": {}}]
    assert [problem(tree).path for tree in trees] == ["slipway:clusters"] * 3


def test_defaults_are_those_of_the_tutorials() -> None:
    settings = accept(BASE)
    apps = settings.apps.deployed()
    assert list(apps) == ["h2o-example", "nginx"]
    assert (settings.lifecycle, settings.owner, settings.namespace_prefix) == ("ephemeral", "slipway", "")
    assert settings.apps.nginx is not None
    assert settings.apps.nginx.fixed_replicas == 2
    assert settings.apps.nginx.service_type == "LoadBalancer"
    assert settings.apps.nginx.resources.cpu == "100m"
    assert settings.apps.nginx.resources.memory == "100Mi"


def test_settings_are_frozen() -> None:
    settings = accept(BASE)
    with pytest.raises(ValueError, match="frozen"):
        settings.owner = "other"  # pyright: ignore[reportAttributeAccessIssue] - that is the test


def test_all_errors_are_told_at_once() -> None:
    error = refuse(
        with_values(
            {
                "owner": "Nobody",
                "apps.nginx.replicas": 0,
                "apps.nginx.resources.cpu": "lots",
                "apps.nginx.image": ":1",
                "apps.nginx.autoscale": {"minReplicas": 5, "maxReplicas": 4},
                "apps.h2o-example.cluster": "elsewhere",
                "apps.h2o-example.host": "bad host",
                "clusters.local.kindd": "x",
                "surplus": "x",
            }
        )
    )
    assert {p.path.removeprefix("slipway:") for p in error.problems} == {
        "owner",
        "apps.nginx.replicas",
        "apps.nginx.resources.cpu",
        "apps.nginx.image",
        "apps.nginx.autoscale",
        "apps.h2o-example.cluster",
        "apps.h2o-example.host",
        "clusters.local.kindd",
        "surplus",
    }
    text = str(error)
    assert text.startswith("Pulumi.test.yaml: 9 settings are wrong; nothing was changed.")
    assert all(p.path in text and p.remedy in text for p in error.problems)


def test_values_are_shown_on_one_line_and_cut() -> None:
    found = problem(with_values({"apps.nginx.host": "a\nb\x1b[31m" + "c" * 500}))
    assert found.value is not None
    assert found.value.isprintable()
    assert len(found.value) < 100
