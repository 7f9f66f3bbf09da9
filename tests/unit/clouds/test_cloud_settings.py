"""Settings of the clouds: every rule between values with what it accepts and what it refuses, and with which words."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import pytest
import yaml

from components.clusters.eks.cluster import eks_name
from components.clusters.eks.nodes import user_data
from components.clusters.eks.versions import EKS_VERSIONS, NEWEST
from stacks.settings import SettingsError, parse
from stacks.settings.managed import EksCluster, GkeCluster

BASE: dict[str, Any] = {
    "lifecycle": "durable",
    "clouds": {
        "asia": {"kind": "gcp", "project": "example-project", "region": "asia-east1"},
        "tokyo": {"kind": "aws", "region": "ap-northeast-1", "accountId": "123456789012"},
    },
    "state": {"cloud": "tokyo", "bucket": "kops-state.example.com"},
    "zones": {"k8s": {"cloud": "tokyo", "mainZone": {"name": "example.com"}, "subZone": "k8s.example.com"}},
    "registries": {
        "asia": {"kind": "artifact-registry", "cloud": "asia"},
        "tokyo": {"kind": "ecr", "cloud": "tokyo", "images": ["h2o"]},
    },
    "clusters": {
        "nginx-asia": {"kind": "gke", "cloud": "asia", "location": "asia-east1-a", "registry": "asia"},
        "staging": {
            "kind": "eks",
            "cloud": "tokyo",
            "zones": ["ap-northeast-1a", "ap-northeast-1c"],
            "registry": "tokyo",
            "admins": ["arn:aws:iam::123456789012:role/admin"],
            "ingress": {},
        },
    },
    "databases": {
        "mysql": {"cluster": "nginx-asia", "engine": "mysql", "version": "8.4", "database": "d", "user": "u"},
        "postgres": {"cluster": "staging", "engine": "postgres", "version": "17", "database": "d", "user": "u"},
    },
    "deployers": {
        "asia": {"cluster": "nginx-asia", "github": "owner/name"},
        "tokyo": {"cluster": "staging", "github": "owner/name"},
    },
    "apps": {
        "http-debug-server": {"cluster": "staging", "host": "debug.k8s.example.com"},
        "example-app": {"cluster": "nginx-asia", "database": "mysql"},
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The base with one value replaced; `...` takes it out."""
    data: dict[str, Any] = copy.deepcopy(BASE)
    target: Any = data
    *parents, last = path.split("/")
    for part in parents:
        target = target.setdefault(part, {})
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return data


def read(data: dict[str, Any]) -> Any:
    values = {f"slipway:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in data.items()}
    return parse(values, project="slipway", source="test")


EKS, GKE = "clusters/staging", "clusters/nginx-asia"
KEY = "ssh-ed25519 " + "A" * 68

ACCEPTED: list[tuple[str, Any]] = [
    ("owner", "platform"),
    ("clouds/tokyo/region", "ap-northeast-1"),
    ("clouds/tokyo/roleArn", "arn:aws:iam::123456789012:role/deploy/admin"),
    ("clouds/tokyo/githubIdentity", "existing"),
    ("clouds/asia/project", "abc-def-1"),
    ("state/bucket", "a-b.c"),
    ("state/bucket", "x" * 63),
    ("zones/k8s/mainZone", {"name": "example.com", "make": True}),
    ("zones/k8s/mainZone", {"name": "example.com", "id": "Z0123456789ABC"}),
    (f"{EKS}/dnsName", "staging.k8s.example.com"),
    (f"{EKS}/version", "1.35"),
    (f"{EKS}/version", 1.36),
    (f"{EKS}/zones", ["ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d"]),
    (f"{EKS}/nodes", {"count": 2, "minCount": 1, "maxCount": 3}),
    (f"{EKS}/nodes", {"amiRelease": "1.36.0-20261007"}),
    (f"{EKS}/nodes", {"instanceType": "t3.micro", "maxPods": 34}),
    (f"{EKS}/nodes", {"instanceType": "m5.xlarge", "maxPods": 250}),
    (f"{EKS}/network", {"cidr": "10.20.0.0/21"}),
    (f"{EKS}/network", {"cidr": "192.168.0.0/16", "nat": "per-zone"}),
    (f"{EKS}/apiAccess", ["198.51.100.7/32"]),
    (f"{EKS}/admins", ["arn:aws:iam::123456789012:role/admin"]),
    (f"{EKS}/ssh", {"publicKey": KEY, "sources": ["10.0.0.0/8"]}),
    (f"{GKE}/location", "asia-east1"),
    (f"{GKE}/apiAccess", ["10.1.0.0/16"]),
    (f"{GKE}/nodes", {"count": 1, "minCount": 1, "maxCount": 5}),
    (f"{GKE}/nodes", {"scopes": ["https://www.googleapis.com/auth/cloud-platform"]}),
    (f"{GKE}/maintenance", {"days": ["SA", "SU"], "hours": 6}),
    (f"{GKE}/network", {"pods": "10.64.0.0/18", "nodes": "10.40.0.0/24"}),
    ("databases/mysql/size", "db-n1-standard-1"),
    ("databases/postgres/size", "db.t4g.small"),
    ("databases/mysql/version", "8.0"),
    ("deployers/tokyo/iamUser", {"reason": "the pipeline has no OpenID Connect"}),
    ("apps/http-debug-server/host", "a.b.k8s.example.com"),
    ("registries/tokyo/pushers", ["arn:aws:iam::123456789012:user/somebody"]),
]

# Path and value; key path of the problem; what the remedy says.
REFUSED: list[tuple[str, Any, str, str]] = [
    ("clouds/tokyo/region", "tokyo", "clouds.tokyo.region", "must be an AWS region"),
    *(
        ("clouds/tokyo/region", region, "clouds.tokyo.region", "a partition of AWS")
        for region in ("cn-north-1", "us-gov-west-1", "eusc-de-east-1")
    ),
    ("clouds/tokyo/roleArn", "arn:aws-cn:iam::123456789012:role/a", "clouds.tokyo.roleArn", "must be the ARN"),
    (f"{EKS}/apiAccess", ["10.1.0.0/16"], "clusters.staging.apiAccess.0", "must be a public range"),
    (f"{EKS}/apiAccess", [f"8.8.8.{i}/32" for i in range(41)], "clusters.staging.apiAccess", "40"),
    ("databases/mysql/database", "mysql", "databases.mysql", "is reserved by the cloud"),
    ("databases/postgres/database", "db", "databases.postgres", "is reserved by the cloud"),
    (
        "databases/postgres",
        {"cluster": "staging", "engine": "mysql", "version": "8.0", "database": "d", "user": "u"},
        "databases.postgres.version",
        "31 July 2026",
    ),
    ("clouds/tokyo/accountId", 123456789012, "clouds.tokyo.accountId", "put it in quotes"),
    ("clouds/tokyo/accountId", "12345", "clouds.tokyo.accountId", "twelve digits"),
    ("clouds/tokyo/roleArn", "admin", "clouds.tokyo.roleArn", "must be the ARN"),
    ("clouds/asia/project", "My_Project", "clouds.asia.project", "must be a Google Cloud project id"),
    ("clouds/asia/region", "asia-east1-a", "clouds.asia.region", "must be a Google Cloud region"),
    ("clouds/asia/kind", "azure", "clouds.asia.kind", "must be one of: aws, gcp"),
    ("state/cloud", "asia", "state.cloud", "is of kind gcp; of kind aws there is: tokyo"),
    ("state/cloud", "paris", "state.cloud", "is no cloud of this stack"),
    *(
        ("state/bucket", name, "state.bucket", "S3 bucket name")
        for name in (
            "ab",
            "x" * 64,
            "Upper",
            "a..b",
            "-a-b",
            "a-b-",
            "xn--abc",
            "sthree-abc",
            "under_score",
            "abc-s3alias",
        )
    ),
    ("state/bucket", "192.168.0.1", "state.bucket", "must not look like an IP address"),
    ("zones/k8s/subZone", "k8s.example.org", "zones.k8s.subZone", "must lie inside the main zone example.com"),
    ("zones/k8s/subZone", "example.com", "zones.k8s.subZone", "must lie inside the main zone"),
    ("zones/k8s/subZone", "k8sexample.com", "zones.k8s.subZone", "must lie inside the main zone"),
    ("zones/k8s/ttl", 0, "zones.k8s.ttl", "must be at least 1"),
    (
        "zones/k8s/mainZone",
        {"name": "example.com", "make": True, "id": "Z0123456789ABC"},
        "zones.k8s.mainZone.id",
        "excludes make",
    ),
    (
        "zones/two",
        {"cloud": "tokyo", "mainZone": {"name": "example.com"}, "subZone": "k8s.example.com"},
        "zones.two.subZone",
        "is already the sub-zone of zones.k8s",
    ),
    (f"{EKS}/cloud", "asia", "clusters.staging.cloud", "is of kind gcp"),
    (f"{GKE}/cloud", "tokyo", "clusters.nginx-asia.cloud", "is of kind aws"),
    (f"{EKS}/zones", ["ap-northeast-1a"], "clusters.staging.zones", "at least 2"),
    (
        f"{EKS}/zones",
        ["ap-northeast-1a", "ap-northeast-1g"],
        "clusters.staging.zones.1",
        "must be an availability zone",
    ),
    (f"{EKS}/zones", ["ap-northeast-1a", "ap-northeast-1a"], "clusters.staging", "must differ"),
    (
        f"{EKS}/zones",
        ["ap-northeast-1a", "us-east-1b"],
        "clusters.staging.zones.1",
        "is not in ap-northeast-1, the region of cloud tokyo",
    ),
    (f"{EKS}/version", "1.29", "clusters.staging.version", '"1.35", "1.36"'),
    (f"{EKS}/dnsName", "a" * 40 + "." + "b" * 40, "clusters.staging.dnsName", "use at most 63 characters"),
    (f"{EKS}/nodes", {"count": 1, "minCount": 2}, "clusters.staging.nodes", "must lie between minCount (2)"),
    (f"{EKS}/nodes", {"count": 5, "maxCount": 4}, "clusters.staging.nodes", "must lie between"),
    (f"{EKS}/nodes", {"instanceType": "medium"}, "clusters.staging.nodes.instanceType", "such as t3.medium"),
    (f"{EKS}/nodes", {"instanceType": "t4g.medium"}, "clusters.staging.nodes.instanceType", "amd64"),
    (f"{EKS}/nodes", {"instanceType": "t2.medium"}, "clusters.staging.nodes.instanceType", "Nitro"),
    (f"{EKS}/nodes", {"instanceType": "t3.micro"}, "clusters.staging.nodes", "maxPods (60) must be at most 34"),
    (f"{EKS}/nodes", {"instanceType": "t3.small", "maxPods": 147}, "clusters.staging.nodes", "at most 146 on t3.small"),
    (f"{EKS}/nodes", {"maxPods": 251}, "clusters.staging.nodes.maxPods", "must be at most 250"),
    (f"{EKS}/nodes", {"amiRelease": "1.35.0-20261007"}, "clusters.staging", "must be of the cluster's version (1.36)"),
    (f"{EKS}/network", {"cidr": "10.20.0.0/22"}, "clusters.staging.network", "must be between /16 and /21"),
    (f"{EKS}/network", {"cidr": "10.20.0.1/16"}, "clusters.staging.network.cidr", "did you mean 10.20.0.0/16?"),
    (f"{EKS}/network", {"cidr": "8.8.0.0/16"}, "clusters.staging.network.cidr", "must be a private range"),
    (f"{EKS}/network", {"cidr": "172.20.0.0/16"}, "clusters.staging.network", "must not overlap"),
    (
        f"{EKS}/network",
        {"cidr": "10.44.0.0/16"},
        "clusters.staging.network.cidr",
        "overlaps clusters.nginx-asia.network.pods",
    ),
    (f"{EKS}/apiAccess", ["0.0.0.0/0"], "clusters.staging.apiAccess.0", "opens the API to everybody"),
    (f"{GKE}/apiAccess", ["0.0.0.0/0"], "clusters.nginx-asia.apiAccess.0", "opens the API to everybody"),
    (f"{EKS}/apiAccess", ["everybody"], "clusters.staging.apiAccess.0", "must be an IPv4 range"),
    (f"{EKS}/admins", ["me"], "clusters.staging.admins.0", "must be the ARN"),
    (f"{EKS}/ssh", {"publicKey": "key", "sources": ["10.0.0.0/8"]}, "clusters.staging.ssh.publicKey", "OpenSSH"),
    (
        f"{EKS}/ssh",
        {"publicKey": KEY, "sources": ["0.0.0.0/0"]},
        "clusters.staging.ssh.sources.0",
        "must be a private range",
    ),
    (f"{EKS}/registry", "asia", "clusters.staging.registry", "is not in the cluster's cloud tokyo"),
    (f"{EKS}/registry", "none", "clusters.staging.registry", "is no registry of this stack"),
    (f"{GKE}/location", "us-central1-a", "clusters.nginx-asia.location", "is not in asia-east1"),
    (f"{GKE}/location", "somewhere", "clusters.nginx-asia.location", "must be a zone such as"),
    (f"{GKE}/maintenance", {"days": ["SU"], "hours": 4}, "clusters.nginx-asia.maintenance", "GKE wants at least 48"),
    (f"{GKE}/maintenance", {"start": "25:00"}, "clusters.nginx-asia.maintenance.start", "time of day"),
    (f"{GKE}/network", {"controlPlane": "172.16.0.0/24"}, "clusters.nginx-asia.network", "must be a /28"),
    (f"{GKE}/network", {"services": "10.44.0.0/20"}, "clusters.nginx-asia.network", "must not overlap"),
    (f"{GKE}/network", {"databases": "10.49.0.0/28"}, "clusters.nginx-asia.network", "at least a /24"),
    (f"{GKE}/network", {"pods": "10.64.0.0/24"}, "clusters.nginx-asia", "network.pods"),
    (f"{GKE}/network", {"nodes": "10.40.0.0/30"}, "clusters.nginx-asia", "network.nodes"),
    (f"{GKE}/nodes", {"machineType": "big"}, "clusters.nginx-asia.nodes.machineType", "such as n1-standard-2"),
    (f"{GKE}/nodes", {"scopes": ["Compute RW"]}, "clusters.nginx-asia.nodes.scopes.0", "must be an access scope"),
    ("registries/tokyo/images", ["h2o", "h2o"], "registries.tokyo", "names h2o twice"),
    ("registries/tokyo/cloud", "asia", "registries.tokyo.cloud", "is of kind gcp"),
    ("databases/mysql/cluster", "nowhere", "databases.mysql.cluster", "is no gke or eks cluster"),
    ("databases/mysql/version", "5.7", "databases.mysql", "must be one of: 8.0, 8.4"),
    ("databases/mysql/user", "root", "databases.mysql", "is reserved by the cloud"),
    ("databases/mysql/database", "No-Name", "databases.mysql.database", "database identifier"),
    ("databases/mysql/size", "db.t4g.micro", "databases.mysql.size", "is not of the cluster's cloud"),
    ("databases/postgres/size", "db-g1-small", "databases.postgres.size", "is not of the cluster's cloud"),
    ("deployers/tokyo/cluster", "nowhere", "deployers.tokyo.cluster", "is no gke or eks cluster"),
    ("deployers/tokyo/cluster", "nginx-asia", "deployers.tokyo.cluster", "one identity per cluster"),
    ("deployers/tokyo/github", "name", "deployers.tokyo.github", "owner/name"),
    ("deployers/tokyo/environment", "prod*", "deployers.tokyo.environment", "GitHub environment"),
    ("deployers/asia/iamUser", {"reason": "a good reason"}, "deployers.asia.iamUser", "is AWS's"),
    ("deployers/tokyo/iamUser", {"reason": "old, without OIDC"}, "deployers.tokyo.iamUser.reason", "must"),
    ("deployers/tokyo/iamUser", {"reason": "no"}, "deployers.tokyo.iamUser.reason", "at least 10"),
    ("state", ..., "deployers.tokyo.cluster", "reads its kubeconfig from the state bucket"),
    ("apps/http-debug-server/host", "debug.example.com", "apps.http-debug-server.host", "must lie inside a sub-zone"),
    ("apps/example-app/database", "oracle", "apps.example-app.database", "is no database of this stack"),
    ("apps/example-app/database", "postgres", "apps.example-app.database", "needs mysql"),
    ("apps/example-app/cluster", "staging", "apps.example-app.database", "is beside cluster nginx-asia"),
]


def test_the_base_is_right() -> None:
    settings = read(BASE)
    assert isinstance(settings.clusters["staging"], EksCluster)
    assert isinstance(settings.clusters["nginx-asia"], GkeCluster)


@pytest.mark.parametrize(("path", "value"), ACCEPTED)
def test_accepted(path: str, value: Any) -> None:
    read(changed(path, value))


@pytest.mark.parametrize(("path", "value", "where", "remedy"), REFUSED)
def test_refused(path: str, value: Any, where: str, remedy: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(changed(path, value))
    told = [problem for problem in caught.value.problems if problem.path == f"slipway:{where}"]
    assert len(told) == 1, str(caught.value)
    assert remedy in told[0].remedy


def test_anybody_may_reach_a_tutorial_environment() -> None:
    data = changed(f"{EKS}/apiAccess", ["0.0.0.0/0"])
    data["lifecycle"] = "ephemeral"
    read(data)


def test_every_problem_is_told_at_once() -> None:
    data = copy.deepcopy(BASE)
    data["clouds"]["tokyo"]["region"] = "tokyo"
    data["state"]["bucket"] = "UPPER"
    data["clusters"]["staging"]["version"] = "1.0"
    data["clusters"]["nginx-asia"]["location"] = "us-central1-a"
    data["databases"]["mysql"]["version"] = "4"
    data["deployers"]["asia"]["github"] = "x"
    with pytest.raises(SettingsError) as caught:
        read(data)
    paths = {problem.path.removeprefix("slipway:") for problem in caught.value.problems}
    assert paths >= {
        "clouds.tokyo.region",
        "state.bucket",
        "clusters.staging.version",
        "clusters.nginx-asia.location",
        "databases.mysql",
        "deployers.asia.github",
    }


def test_unknown_keys_are_named_with_their_neighbours() -> None:
    with pytest.raises(SettingsError, match=r"did you mean zones\?"):
        read(changed(f"{EKS}/zonez", []))
    with pytest.raises(SettingsError, match=r"did you mean accountId\?"):
        read(changed("clouds/tokyo/acountId", "1"))


def test_a_stack_may_prepare_its_clouds_before_it_has_a_cluster() -> None:
    """What bootstrap does: the state bucket and the registries alone."""
    read({key: BASE[key] for key in ("lifecycle", "clouds", "state", "registries")})


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
# What of HTTPS a cloud would refuse, or never issue: changes to the base, the path, what is told.
HTTPS_REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"zones": {}}, "clusters.staging.ingress.https", "add zones"),
    ({"apps/http-debug-server/host": None}, "clusters.staging.ingress.https", "give an app on staging a host"),
    ({f"{EKS}/ingress/https/secret": "own"}, "clusters.staging.ingress.https.secret", "remove it"),
    (
        {"apps/http-debug-server/host": f"{LONG}.deep.k8s.example.com"},
        "apps.http-debug-server.host",
        "more than 64 characters",
    ),
    (
        {
            "zones/k8s/subZone": f"{LONG}.example.com",
            "apps/http-debug-server/host": f"debug.{LONG}.example.com",
        },
        "zones.k8s.subZone",
        "more than 64 characters",
    ),
    (
        {f"{GKE}/ingress": {"https": {"nodePort": 30443}}, "apps/example-app/host": "app.k8s.example.com"},
        "clusters.nginx-asia.ingress.https.nodePort",
        "remove it",
    ),
    (
        {f"{GKE}/ingress": {"nodePort": 30080, "https": {}}, "apps/example-app/host": "app.k8s.example.com"},
        "clusters.nginx-asia.ingress.nodePort",
        "served by nobody",
    ),
]


def with_https(changes: dict[str, Any]) -> dict[str, Any]:
    """The base with HTTPS on EKS, and with further changes."""
    data: dict[str, Any] = changed(f"{EKS}/ingress", {"https": {}})
    for path, value in changes.items():
        target: Any = data
        *parents, last = path.split("/")
        for part in parents:
            target = target[part]
        target[last] = value
    return data


def test_https_on_both_clouds_is_accepted() -> None:
    both = {f"{GKE}/ingress": {"https": {"redirect": False}}, "apps/example-app/host": "app.k8s.example.com"}
    settings = read(with_https(both))
    assert settings.domains("staging") == settings.domains("nginx-asia") == {"*.k8s.example.com": "k8s"}


@pytest.mark.parametrize(("changes", "where", "remedy"), HTTPS_REFUSED)
def test_https_that_a_cloud_would_refuse_is_refused_here(changes: dict[str, Any], where: str, remedy: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(with_https(changes))
    assert [problem.path for problem in caught.value.problems] == [f"slipway:{where}"], str(caught.value)
    assert remedy in caught.value.problems[0].remedy
