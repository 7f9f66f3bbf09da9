"""Teardown order of the clouds, proven by walking the plan's dependencies: a destroy works the first time."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.unit.clouds.graph import Graph

Plan = dict[str, Any]

EKS_CLUSTER = "aws:eks/cluster:Cluster"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
GATEWAY = "aws:ec2/internetGateway:InternetGateway"
NAT = "aws:ec2/natGateway:NatGateway"
EIP = "aws:ec2/eip:Eip"
ROUTES = ("aws:ec2/route:Route", "aws:ec2/routeTableAssociation:RouteTableAssociation")
ADDON = "aws:eks/addon:Addon"
ACCESS = ("aws:eks/accessPolicyAssociation:AccessPolicyAssociation",)
GKE_CLUSTER = "gcp:container/cluster:Cluster"
NODE_POOL = "gcp:container/nodePool:NodePool"

# Each Kubernetes object of the cluster is gone before any of these.
OUTLIVE_OBJECTS = {
    "staging": (EKS_CLUSTER, NODE_GROUP, ADDON, VPC, SUBNET, GATEWAY, NAT, EIP, *ROUTES, *ACCESS, ATTACHMENT),
    "nginx-asia": (
        GKE_CLUSTER,
        NODE_POOL,
        "gcp:compute/network:Network",
        "gcp:compute/subnetwork:Subnetwork",
        "gcp:compute/router:Router",
        "gcp:compute/routerNat:RouterNat",
        "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember",
    ),
}


@pytest.fixture(params=["durable_plan", "ephemeral_plan"])
def plan(request: pytest.FixtureRequest) -> Plan:
    return request.getfixturevalue(request.param)


@pytest.fixture
def graph(plan: Plan) -> Graph:
    return Graph(plan)


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
        if kind not in ACCESS:
            assert graph.of_type(kind), kind
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


def assert_before(graph: Graph, first: str, *later: str) -> None:
    items = graph.of_type(first)
    assert items, first
    for item in items:
        for other in graph.of_type(*later):
            assert graph.goes_before(item, other), f"{item['name']} may outlive {other['name']}"


def test_nodes_go_before_their_permissions_routes_network_and_cluster(graph: Graph) -> None:
    group = graph.named("staging-node-group")
    permissions = [e for e in graph.of_type(ATTACHMENT) if e["name"].startswith("staging-node-")]
    assert len(permissions) >= 3
    network_addons = [
        e for e in graph.of_type(ADDON) if e["name"].endswith(("vpc-cni", "kube-proxy", "identity-agent"))
    ]
    assert len(network_addons) == 3
    for later in (*permissions, *network_addons, *graph.of_type(*ROUTES, NAT, GATEWAY, SUBNET, EKS_CLUSTER, VPC)):
        assert graph.goes_before(group, later), later["name"]


def test_addons_that_run_on_nodes_go_before_them(graph: Graph) -> None:
    for name in ("coredns", "aws-ebs-csi-driver", "metrics-server"):
        assert graph.goes_before(graph.named(f"staging-{name}"), graph.named("staging-node-group"))
    # The driver deletes disks with its role until it is gone itself.
    assert graph.goes_before(graph.named("staging-aws-ebs-csi-driver"), graph.named("staging-storage-permissions"))


def test_the_cluster_goes_before_its_permissions_and_subnets(graph: Graph) -> None:
    cluster = graph.named("staging-cluster")
    for name in ("staging-control-plane-permissions", "staging-secrets-key-use", "staging-control-plane-logs"):
        assert graph.goes_before(cluster, graph.named(name))
    private = [e for e in graph.of_type(SUBNET) if "-private-" in e["name"]]
    assert len(private) == 2
    assert all(graph.goes_before(cluster, subnet) for subnet in private)


def test_nat_address_gateway_and_vpc_go_in_this_order(graph: Graph) -> None:
    assert_before(graph, NAT, GATEWAY, VPC)
    for nat in graph.of_type(NAT):
        zone = nat["name"].removeprefix("staging-nat-")
        assert graph.goes_before(nat, graph.named(f"staging-nat-{zone}-address"))
        assert graph.goes_before(nat, graph.named(f"staging-public-{zone}"))
    assert_before(graph, EIP, GATEWAY, VPC)
    assert_before(graph, GATEWAY, VPC)
    # A gateway's own way out is there as long as the gateway is.
    for nat in graph.of_type(NAT):
        assert graph.goes_before(nat, graph.named("staging-public-internet"))
    assert_before(graph, "aws:ec2/route:Route", VPC)


def test_the_vpc_goes_last_of_what_lies_in_it(graph: Graph) -> None:
    vpc = graph.of_type(VPC)[0]
    inside = [
        e
        for e in graph.entries.values()
        if e["custom"] and e["type"].startswith(("aws:ec2/", "aws:vpc/", "aws:eks/", "aws:rds/"))
    ]
    outside = ("aws:ec2/vpc:Vpc", "aws:ec2/eip:Eip", "aws:ec2/keyPair:KeyPair", "aws:rds/parameterGroup:ParameterGroup")
    late = [e["name"] for e in inside if e["type"] not in outside and not graph.goes_before(e, vpc)]
    assert late == []


def test_databases_go_before_their_network_and_after_their_users(graph: Graph) -> None:
    rds, sql = graph.named("postgres-database-instance"), graph.named("mysql-database-instance")
    for later in (
        "postgres-database-access",
        "postgres-database-subnets",
        "staging-vpc",
        "postgres-database-from-nodes",
    ):
        assert graph.goes_before(rds, graph.named(later)), later
    for later in ("nginx-asia-services-connection", "nginx-asia-services-range", "nginx-asia-vpc"):
        assert graph.goes_before(sql, graph.named(later)), later
    assert graph.goes_before(graph.named("mysql-database-name"), sql)


def test_gke_nodes_go_before_their_grants_nat_and_cluster(graph: Graph) -> None:
    pool, cluster = graph.named("nginx-asia-node-pool"), graph.named("nginx-asia-cluster")
    for later in ("nginx-asia-node-role", "nginx-asia-node-pull", "nginx-asia-nat", "nginx-asia-cluster"):
        assert graph.goes_before(pool, graph.named(later)), later
    for later in ("nginx-asia-secrets-key-use", "nginx-asia-secrets-key", "nginx-asia-subnet", "nginx-asia-vpc"):
        assert graph.goes_before(cluster, graph.named(later)), later


def test_google_apis_come_first_and_in_order(graph: Graph) -> None:
    first = graph.named("asia-api-cloudresourcemanager")
    apis = graph.of_type("gcp:projects/service:Service")
    assert len(apis) == 14
    for entry in graph.entries.values():
        if entry["type"].startswith("gcp:") and entry["urn"] != first["urn"]:
            assert graph.goes_before(entry, first), entry["name"]
    assert all(entry["inputs"]["disableOnDestroy"] is False for entry in apis)


def test_records_go_before_the_load_balancers_that_they_lead_to(graph: Graph) -> None:
    record = graph.named("k8s-host-debug.k8s.example.com")
    assert graph.goes_before(record, graph.named("staging-traefik-service"))
    assert graph.goes_before(record, graph.named("k8s-sub-zone"))
    assert graph.goes_before(graph.named("k8s-delegation"), graph.named("k8s-sub-zone"))
