"""Settings of the clouds: every rule between values with what it accepts and what it refuses, and with which words."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml

from components.clusters.eks.cluster import eks_name
from components.clusters.eks.nodes import user_data
from components.clusters.eks.versions import EKS_VERSIONS, NEWEST
from stacks.settings.managed import EksCluster, GkeCluster
from tests.support.settings import ABSENT, CLOUDS, accept, problems, with_values

KEY = "ssh-ed25519 " + "A" * 68
ZONE = {"name": "example.com"}
IN_TOKYO = "is not in ap-northeast-1, the region of cloud tokyo"
NO_BUCKETS = ("ab", "x" * 64, "Upper", "a..b", "-a-b", "a-b-", "xn--abc", "sthree-abc", "under_score", "abc-s3alias")

ACCEPTED: dict[str, list[Any]] = {
    "owner": ["platform"],
    "clouds.tokyo.region": ["ap-northeast-1"],
    "clouds.tokyo.roleArn": ["arn:aws:iam::123456789012:role/deploy/admin"],
    "clouds.tokyo.githubIdentity": ["existing"],
    "clouds.asia.project": ["abc-def-1"],
    "state.bucket": ["a-b.c", "x" * 63],
    "zones.k8s.mainZone": [{**ZONE, "make": True}, {**ZONE, "id": "Z0123456789ABC"}],
    "clusters.staging.dnsName": ["staging.k8s.example.com"],
    "clusters.staging.version": ["1.35", 1.36],
    "clusters.staging.zones": [["ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d"]],
    "clusters.staging.nodes": [
        {"count": 2, "minCount": 1, "maxCount": 3},
        {"amiRelease": "1.36.0-20261007"},
        {"instanceType": "t3.micro", "maxPods": 34},
        {"instanceType": "m5.xlarge", "maxPods": 250},
    ],
    "clusters.staging.network": [{"cidr": "10.20.0.0/21"}, {"cidr": "192.168.0.0/16", "nat": "per-zone"}],
    "clusters.staging.apiAccess": [["198.51.100.7/32"]],
    "clusters.staging.admins": [["arn:aws:iam::123456789012:role/admin"]],
    "clusters.staging.ssh": [{"publicKey": KEY, "sources": ["10.0.0.0/8"]}],
    "clusters.nginx-asia.location": ["asia-east1"],
    "clusters.nginx-asia.apiAccess": [["10.1.0.0/16"]],
    "clusters.nginx-asia.nodes": [
        {"count": 1, "minCount": 1, "maxCount": 5},
        {"scopes": ["https://www.googleapis.com/auth/cloud-platform"]},
    ],
    "clusters.nginx-asia.maintenance": [{"days": ["SA", "SU"], "hours": 6}],
    "clusters.nginx-asia.network": [{"pods": "10.64.0.0/18", "nodes": "10.40.0.0/24"}],
    "databases.mysql.size": ["db-n1-standard-1"],
    "databases.postgres.size": ["db.t4g.small"],
    "databases.mysql.version": ["8.0"],
    "deployers.tokyo.iamUser": [{"reason": "the pipeline has no OpenID Connect"}],
    "apps.http-debug-server.host": ["a.b.k8s.example.com"],
    "registries.tokyo.pushers": [["arn:aws:iam::123456789012:user/somebody"]],
}

# Path and value; key path of the problem where it is another one, or what comes after the path; what the remedy says.
REFUSED: list[tuple[str, Any, str, str]] = [
    ("clouds.tokyo.region", "tokyo", "", "must be an AWS region"),
    *(
        ("clouds.tokyo.region", name, "", "a partition of AWS")
        for name in ("cn-north-1", "us-gov-west-1", "eusc-de-east-1")
    ),
    ("clouds.tokyo.roleArn", "arn:aws-cn:iam::123456789012:role/a", "", "must be the ARN"),
    ("clusters.staging.apiAccess", ["10.1.0.0/16"], ".0", "must be a public range"),
    ("clusters.staging.apiAccess", [f"8.8.8.{i}/32" for i in range(41)], "", "40"),
    ("databases.mysql.database", "mysql", "databases.mysql", "is reserved by the cloud"),
    ("databases.postgres.database", "db", "databases.postgres", "is reserved by the cloud"),
    (
        "databases.mysql",
        {**CLOUDS["databases"]["mysql"], "cluster": "staging", "version": "8.0"},
        ".version",
        "31 July 2026",
    ),
    ("clouds.tokyo.accountId", 123456789012, "", "put it in quotes"),
    ("clouds.tokyo.accountId", "12345", "", "twelve digits"),
    ("clouds.tokyo.roleArn", "admin", "", "must be the ARN"),
    ("clouds.asia.project", "My_Project", "", "must be a Google Cloud project id"),
    ("clouds.asia.region", "asia-east1-a", "", "must be a Google Cloud region"),
    ("clouds.asia.kind", "azure", "", "must be one of: aws, gcp"),
    ("state.cloud", "asia", "", "is of kind gcp; of kind aws there is: tokyo"),
    ("state.cloud", "paris", "", "is no cloud of this stack"),
    *(("state.bucket", name, "", "S3 bucket name") for name in NO_BUCKETS),
    ("state.bucket", "192.168.0.1", "", "must not look like an IP address"),
    ("zones.k8s.subZone", "k8s.example.org", "", "must lie inside the main zone example.com"),
    ("zones.k8s.subZone", "example.com", "", "must lie inside the main zone"),
    ("zones.k8s.subZone", "k8sexample.com", "", "must lie inside the main zone"),
    ("zones.k8s.ttl", 0, "", "must be at least 1"),
    ("zones.k8s.mainZone", {**ZONE, "make": True, "id": "Z0123456789ABC"}, ".id", "excludes make"),
    ("zones.two", CLOUDS["zones"]["k8s"], ".subZone", "is already the sub-zone of zones.k8s"),
    ("clusters.staging.cloud", "asia", "", "is of kind gcp"),
    ("clusters.nginx-asia.cloud", "tokyo", "", "is of kind aws"),
    ("clusters.staging.zones", ["ap-northeast-1a"], "", "at least 2"),
    ("clusters.staging.zones", ["ap-northeast-1a", "ap-northeast-1g"], ".1", "must be an availability zone"),
    ("clusters.staging.zones", ["ap-northeast-1a", "ap-northeast-1a"], "clusters.staging", "must differ"),
    ("clusters.staging.zones", ["ap-northeast-1a", "us-east-1b"], ".1", IN_TOKYO),
    ("clusters.staging.version", "1.29", "", '"1.35", "1.36"'),
    ("clusters.staging.dnsName", "a" * 40 + "." + "b" * 40, "", "use at most 63 characters"),
    ("clusters.staging.nodes", {"count": 1, "minCount": 2}, "", "must lie between minCount (2)"),
    ("clusters.staging.nodes", {"count": 5, "maxCount": 4}, "", "must lie between"),
    ("clusters.staging.nodes", {"instanceType": "medium"}, ".instanceType", "such as t3.medium"),
    ("clusters.staging.nodes", {"instanceType": "t4g.medium"}, ".instanceType", "amd64"),
    ("clusters.staging.nodes", {"instanceType": "t2.medium"}, ".instanceType", "Nitro"),
    ("clusters.staging.nodes", {"instanceType": "t3.micro"}, "", "maxPods (60) must be at most 34"),
    ("clusters.staging.nodes", {"instanceType": "t3.small", "maxPods": 147}, "", "at most 146 on t3.small"),
    ("clusters.staging.nodes", {"maxPods": 251}, ".maxPods", "must be at most 250"),
    (
        "clusters.staging.nodes",
        {"amiRelease": "1.35.0-20261007"},
        "clusters.staging",
        "must be of the cluster's version (1.36)",
    ),
    ("clusters.staging.network", {"cidr": "10.20.0.0/22"}, "", "must be between /16 and /21"),
    ("clusters.staging.network", {"cidr": "10.20.0.1/16"}, ".cidr", "did you mean 10.20.0.0/16?"),
    ("clusters.staging.network", {"cidr": "8.8.0.0/16"}, ".cidr", "must be a private range"),
    ("clusters.staging.network", {"cidr": "172.20.0.0/16"}, "", "must not overlap"),
    ("clusters.staging.network", {"cidr": "10.44.0.0/16"}, ".cidr", "overlaps clusters.nginx-asia.network.pods"),
    ("clusters.staging.apiAccess", ["0.0.0.0/0"], ".0", "opens the API to everybody"),
    ("clusters.nginx-asia.apiAccess", ["0.0.0.0/0"], ".0", "opens the API to everybody"),
    ("clusters.staging.apiAccess", ["everybody"], ".0", "must be an IPv4 range"),
    ("clusters.staging.admins", ["me"], ".0", "must be the ARN"),
    ("clusters.staging.ssh", {"publicKey": "key", "sources": ["10.0.0.0/8"]}, ".publicKey", "OpenSSH"),
    ("clusters.staging.ssh", {"publicKey": KEY, "sources": ["0.0.0.0/0"]}, ".sources.0", "must be a private range"),
    ("clusters.staging.registry", "asia", "", "is not in the cluster's cloud tokyo"),
    ("clusters.staging.registry", "none", "", "is no registry of this stack"),
    ("clusters.nginx-asia.location", "us-central1-a", "", "is not in asia-east1"),
    ("clusters.nginx-asia.location", "somewhere", "", "must be a zone such as"),
    ("clusters.nginx-asia.maintenance", {"days": ["SU"], "hours": 4}, "", "GKE wants at least 48"),
    ("clusters.nginx-asia.maintenance", {"start": "25:00"}, ".start", "time of day"),
    ("clusters.nginx-asia.network", {"controlPlane": "172.16.0.0/24"}, "", "must be a /28"),
    ("clusters.nginx-asia.network", {"services": "10.44.0.0/20"}, "", "must not overlap"),
    ("clusters.nginx-asia.network", {"databases": "10.49.0.0/28"}, "", "at least a /24"),
    ("clusters.nginx-asia.network", {"pods": "10.64.0.0/24"}, "clusters.nginx-asia", "network.pods"),
    ("clusters.nginx-asia.network", {"nodes": "10.40.0.0/30"}, "clusters.nginx-asia", "network.nodes"),
    ("clusters.nginx-asia.nodes", {"machineType": "big"}, ".machineType", "such as n1-standard-2"),
    ("clusters.nginx-asia.nodes", {"scopes": ["Compute RW"]}, ".scopes.0", "must be an access scope"),
    ("registries.tokyo.images", ["h2o", "h2o"], "registries.tokyo", "names h2o twice"),
    ("registries.tokyo.cloud", "asia", "", "is of kind gcp"),
    ("databases.mysql.cluster", "nowhere", "", "is no gke or eks cluster"),
    ("databases.mysql.version", "5.7", "databases.mysql", "must be one of: 8.0, 8.4"),
    ("databases.mysql.user", "root", "databases.mysql", "is reserved by the cloud"),
    ("databases.mysql.database", "No-Name", "", "database identifier"),
    ("databases.mysql.size", "db.t4g.micro", "", "is not of the cluster's cloud"),
    ("databases.postgres.size", "db-g1-small", "", "is not of the cluster's cloud"),
    ("deployers.tokyo.cluster", "nowhere", "", "is no gke or eks cluster"),
    ("deployers.tokyo.cluster", "nginx-asia", "", "one identity per cluster"),
    ("deployers.tokyo.github", "name", "", "owner/name"),
    ("deployers.tokyo.environment", "prod*", "", "GitHub environment"),
    ("deployers.asia.iamUser", {"reason": "a good reason"}, "", "is AWS's"),
    ("deployers.tokyo.iamUser", {"reason": "old, without OIDC"}, ".reason", "must"),
    ("deployers.tokyo.iamUser", {"reason": "no"}, ".reason", "at least 10"),
    ("state", ABSENT, "deployers.tokyo.cluster", "reads its kubeconfig from the state bucket"),
    ("apps.http-debug-server.host", "debug.example.com", "", "must lie inside a sub-zone"),
    ("apps.example-app.database", "oracle", "", "is no database of this stack"),
    ("apps.example-app.database", "postgres", "", "needs mysql"),
    ("apps.example-app.cluster", "staging", "apps.example-app.database", "is beside cluster nginx-asia"),
]


def test_the_base_is_right() -> None:
    settings = accept(CLOUDS)
    assert isinstance(settings.clusters["staging"], EksCluster)
    assert isinstance(settings.clusters["nginx-asia"], GkeCluster)


@pytest.mark.parametrize("path", ACCEPTED)
def test_accepted(path: str) -> None:
    for value in ACCEPTED[path]:
        assert problems(with_values({path: value}, CLOUDS)) == {}, value


@pytest.mark.parametrize(("path", "value", "where", "remedy"), REFUSED)
def test_refused(path: str, value: Any, where: str, remedy: str) -> None:
    told = problems(with_values({path: value}, CLOUDS))
    assert remedy in told[where if where[:1].isalpha() else path + where]


def test_anybody_may_reach_a_tutorial_environment() -> None:
    accept(with_values({"clusters.staging.apiAccess": ["0.0.0.0/0"], "lifecycle": "ephemeral"}, CLOUDS))


def test_every_problem_is_told_at_once() -> None:
    wrong = {
        "clouds.tokyo.region": "tokyo",
        "state.bucket": "UPPER",
        "clusters.staging.version": "1.0",
        "clusters.nginx-asia.location": "us-central1-a",
        "databases.mysql.size": "4",
        "deployers.asia.github": "x",
    }
    assert problems(with_values(wrong, CLOUDS)).keys() >= wrong.keys()


@pytest.mark.parametrize(
    ("path", "right"), [("clusters.staging.zonez", "zones"), ("clouds.tokyo.acountId", "accountId")]
)
def test_unknown_keys_are_named_with_their_neighbours(path: str, right: str) -> None:
    assert f"did you mean {right}?" in problems(with_values({path: "1"}, CLOUDS))[path]


def test_a_stack_may_prepare_its_clouds_before_it_has_a_cluster() -> None:
    """What bootstrap does: the state bucket and the registries alone."""
    accept({key: CLOUDS[key] for key in ("lifecycle", "clouds", "state", "registries")})


def test_names_of_kops_become_names_of_eks() -> None:
    assert eks_name("staging.k8s.example.com") == "staging-k8s-example-com"


def test_every_eks_version_has_the_same_addons() -> None:
    assert NEWEST in EKS_VERSIONS
    assert len({frozenset(addons) for addons in EKS_VERSIONS.values()}) == 1
    for minor, addons in EKS_VERSIONS.items():
        assert addons["kube-proxy"].startswith(f"v{minor}.")


def test_a_node_reserves_memory_for_as_many_pods_as_it_takes() -> None:
    """nodeadm would reserve it for the 17 that a t3.medium has without prefixes: 442Mi."""
    text = base64.b64decode(user_data(60)).decode()
    config = yaml.safe_load(text.split("--slipway-node-config")[1].partition("\n\n")[2])["spec"]["kubelet"]["config"]
    assert config == {"maxPods": 60, "kubeReserved": {"memory": "915Mi"}}


LONG = "x" * 60
GKE_HOST = {"apps.example-app.host": "app.k8s.example.com"}
# What of HTTPS a cloud would refuse, or never issue: changes to the base, the path, what is told.
HTTPS_REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"zones": {}}, "clusters.staging.ingress.https", "add zones"),
    ({"apps.http-debug-server.host": None}, "clusters.staging.ingress.https", "give an app on staging a host"),
    ({"clusters.staging.ingress.https.secret": "own"}, "clusters.staging.ingress.https.secret", "remove it"),
    (
        {"apps.http-debug-server.host": f"{LONG}.deep.k8s.example.com"},
        "apps.http-debug-server.host",
        "more than 64 characters",
    ),
    (
        {"zones.k8s.subZone": f"{LONG}.example.com", "apps.http-debug-server.host": f"debug.{LONG}.example.com"},
        "zones.k8s.subZone",
        "more than 64 characters",
    ),
    (
        {"clusters.nginx-asia.ingress.https.nodePort": 30443, **GKE_HOST},
        "clusters.nginx-asia.ingress.https.nodePort",
        "remove it",
    ),
    (
        {"clusters.nginx-asia.ingress": {"nodePort": 30080, "https": {}}, **GKE_HOST},
        "clusters.nginx-asia.ingress.nodePort",
        "served by nobody",
    ),
]


def with_https(changes: dict[str, Any]) -> dict[str, Any]:
    """The base with HTTPS on EKS, and with further changes."""
    return with_values({"clusters.staging.ingress": {"https": {}}, **changes}, CLOUDS)


def test_https_on_both_clouds_is_accepted() -> None:
    settings = accept(with_https({"clusters.nginx-asia.ingress.https.redirect": False, **GKE_HOST}))
    assert settings.domains("staging") == settings.domains("nginx-asia") == {"*.k8s.example.com": "k8s"}


@pytest.mark.parametrize(("changes", "where", "remedy"), HTTPS_REFUSED)
def test_https_that_a_cloud_would_refuse_is_refused_here(changes: dict[str, Any], where: str, remedy: str) -> None:
    told = problems(with_https(changes))
    assert list(told) == [where]
    assert remedy in told[where]
