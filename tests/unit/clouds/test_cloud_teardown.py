"""Teardown order of the clouds, proven by walking the plan's dependencies: a destroy works the first time."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.unit.clouds.graph import Graph

Plan = dict[str, Any]

VPC, SUBNET, GATEWAY = "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ec2/internetGateway:InternetGateway"
NAT, EIP = "aws:ec2/natGateway:NatGateway", "aws:ec2/eip:Eip"
ROUTES = ("aws:ec2/route:Route", "aws:ec2/routeTableAssociation:RouteTableAssociation")
EKS_CLUSTER, ADDON = "aws:eks/cluster:Cluster", "aws:eks/addon:Addon"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
# Only where somebody is named as administrator.
ACCESS = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"

# Each Kubernetes object of the cluster is gone before any of these.
OUTLIVE_OBJECTS = {
    "staging": (
        *(EKS_CLUSTER, "aws:eks/nodeGroup:NodeGroup", ADDON, VPC, SUBNET, GATEWAY, NAT, EIP, *ROUTES),
        *(ACCESS, ATTACHMENT),
    ),
    "nginx-asia": (
        "gcp:container/cluster:Cluster",
        "gcp:container/nodePool:NodePool",
        "gcp:compute/network:Network",
        "gcp:compute/subnetwork:Subnetwork",
        "gcp:compute/router:Router",
        "gcp:compute/routerNat:RouterNat",
        "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember",
    ),
}


@pytest.fixture(params=["durable_plan", "ephemeral_plan"])
def graph(request: pytest.FixtureRequest) -> Graph:
    return Graph(request.getfixturevalue(request.param))


def objects_of(graph: Graph, cluster: str) -> list[dict[str, Any]]:
    provider = graph.named(f"{cluster}-kubernetes")["urn"]
    return [e for e in graph.entries.values() if e["provider"] == provider]


def broken(graph: Graph, cluster: str) -> list[str]:
    return [
        f"{item['name']} may outlive {later['name']}"
        for item in objects_of(graph, cluster)
        for later in graph.of_type(*OUTLIVE_OBJECTS[cluster])
        if not graph.goes_before(item, later)
    ]


@pytest.mark.parametrize("cluster", sorted(OUTLIVE_OBJECTS))
def test_every_object_goes_before_what_it_stands_on(graph: Graph, cluster: str) -> None:
    assert len(objects_of(graph, cluster)) > 20
    for kind in OUTLIVE_OBJECTS[cluster]:
        assert kind == ACCESS or graph.of_type(kind), kind
    assert broken(graph, cluster) == []


@pytest.mark.parametrize(
    "removed",
    [
        "staging-node-group",
        "staging-internet",
        "staging-nat-1a",
        "staging-public-1a-association",
        "staging-private-1c-internet",
        "staging-node-network",
        "staging-aws-ebs-csi-driver",
    ],
)
def test_an_edge_that_is_missing_is_caught(durable_plan: Plan, removed: str) -> None:
    """The walk is no formality: without the edges to one resource it names that resource."""
    plan = copy.deepcopy(durable_plan)
    urn = Graph(plan).named(removed)["urn"]
    for entry in plan["resources"]:
        entry["dependencies"] = [other for other in entry["dependencies"] if other != urn]
        entry["propertyDependencies"] = {
            key: [other for other in urns if other != urn] for key, urns in entry["propertyDependencies"].items()
        }
    assert any(removed in line for line in broken(Graph(plan), "staging"))


# Resources to what is destroyed after each of them; a type stands for all that there are of it.
ORDER: dict[str, tuple[str, ...]] = {
    # Nodes before the network that they run on, and what runs on nodes before them.
    "staging-node-group": (
        *("staging-vpc-cni", "staging-kube-proxy", "staging-eks-pod-identity-agent"),
        *(*ROUTES, NAT, GATEWAY, SUBNET, EKS_CLUSTER, VPC),
    ),
    "staging-coredns": ("staging-node-group",),
    "staging-metrics-server": ("staging-node-group",),
    # The driver deletes disks with its role until it is gone itself.
    "staging-aws-ebs-csi-driver": ("staging-node-group", "staging-storage-permissions"),
    "staging-cluster": (
        *("staging-control-plane-permissions", "staging-secrets-key-use", "staging-control-plane-logs"),
        *("staging-private-1a", "staging-private-1c"),
    ),
    # A gateway's own way out is there as long as the gateway is.
    NAT: (GATEWAY, VPC, "staging-public-internet"),
    EIP: (GATEWAY, VPC),
    GATEWAY: (VPC,),
    "aws:ec2/route:Route": (VPC,),
    "postgres-database-instance": (
        *("postgres-database-access", "postgres-database-subnets", "postgres-database-from-nodes", "staging-vpc"),
    ),
    "mysql-database-name": ("mysql-database-instance",),
    "mysql-database-instance": (*("nginx-asia-services-connection", "nginx-asia-services-range", "nginx-asia-vpc"),),
    "nginx-asia-node-pool": (
        *("nginx-asia-node-role", "nginx-asia-node-pull", "nginx-asia-nat", "nginx-asia-cluster"),
    ),
    "nginx-asia-cluster": (
        *("nginx-asia-secrets-key-use", "nginx-asia-secrets-key", "nginx-asia-subnet", "nginx-asia-vpc"),
    ),
    "k8s-host-debug.k8s.example.com": ("staging-traefik-service", "k8s-sub-zone"),
    "k8s-delegation": ("k8s-sub-zone",),
}


@pytest.mark.parametrize("first", ORDER)
def test_what_needs_something_goes_before_it(graph: Graph, first: str) -> None:
    def found(what: str) -> list[dict[str, Any]]:
        entries = graph.of_type(what) if "/" in what else [graph.named(what)]
        assert entries, what
        return entries

    for item in found(first):
        for later in (other for what in ORDER[first] for other in found(what)):
            assert graph.goes_before(item, later), f"{item['name']} may outlive {later['name']}"


def test_nodes_go_before_each_of_their_permissions(graph: Graph) -> None:
    permissions = [e for e in graph.of_type(ATTACHMENT) if e["name"].startswith("staging-node-")]
    assert len(permissions) >= 3
    assert all(graph.goes_before(graph.named("staging-node-group"), later) for later in permissions)


def test_a_nat_gateway_goes_before_its_address_and_subnet(graph: Graph) -> None:
    for nat in graph.of_type(NAT):
        zone = nat["name"].removeprefix("staging-nat-")
        for later in (f"staging-nat-{zone}-address", f"staging-public-{zone}"):
            assert graph.goes_before(nat, graph.named(later)), later


def test_the_vpc_goes_last_of_what_lies_in_it(graph: Graph) -> None:
    (vpc,) = graph.of_type(VPC)
    outside = (VPC, EIP, "aws:ec2/keyPair:KeyPair", "aws:rds/parameterGroup:ParameterGroup")
    inside = [e for e in graph.of_type("aws:ec2/", "aws:vpc/", "aws:eks/", "aws:rds/") if e["type"] not in outside]
    assert [e["name"] for e in inside if e["custom"] and not graph.goes_before(e, vpc)] == []


def test_google_apis_come_first_and_in_order(graph: Graph) -> None:
    first = graph.named("asia-api-cloudresourcemanager")
    apis = graph.of_type("gcp:projects/service:Service")
    assert len(apis) == 14
    late = [e["name"] for e in graph.of_type("gcp:") if e is not first and not graph.goes_before(e, first)]
    assert late == []
    assert all(entry["inputs"]["disableOnDestroy"] is False for entry in apis)
