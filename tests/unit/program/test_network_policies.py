"""Every declared edge is open, every other one is closed: all pairs of workloads, evaluated from the manifests."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.support import cases
from tests.support.data import items, mapping, value
from tests.support.declared import Declared, Owner, declared
from tests.support.network import NODE_ADDRESS, OUTSIDE_ADDRESS, Network, Pod
from tests.support.objects import Workload, of_kind, workloads

if TYPE_CHECKING:
    from collections.abc import Iterator

UNUSED_PORTS = (1, 22, 65000)
DNS = Pod("kube-dns", "kube-system", {"k8s-app": "kube-dns"}, "10.244.0.250", {"dns": (53, "UDP")})
OUTSIDE = Pod("outside", None, {}, OUTSIDE_ADDRESS)
STRANGER = Pod("stranger", "somebody-elses", {"app": "nginx", "tier": "frontend"}, "10.244.0.251")


@pytest.fixture(params=[*cases.stack_names(), "dev+prefix", "everything", "outward"])
def case(request: pytest.FixtureRequest) -> str:
    """The cases that differ in who connects to whom, or in the namespaces where they live."""
    return request.param


@cache
def declarations(case: str) -> Declared:
    return declared(cases.case(case))


@cache
def network(case: str, cluster: str) -> Network:
    policies = [t.data for t in of_kind(case, "NetworkPolicy") if t.cluster == cluster]
    own = {n.name: n.labels for n in of_kind(case, "Namespace") if n.cluster == cluster}
    return Network(policies, {**own, "kube-system": {}, "somebody-elses": {}})


@cache
def pods(case: str) -> dict[Owner, Pod]:
    """One pod of each workload."""
    found: dict[Owner, Pod] = {}
    for number, workload in enumerate(workloads(case), start=2):
        assert workload.namespace is not None
        host = bool(value(workload.template, "spec", "hostNetwork"))
        found[owner(workload)] = Pod(
            name=str(workload),
            namespace=workload.namespace,
            labels=workload.pod_labels,
            address=NODE_ADDRESS if host else f"10.244.0.{number}",
            ports={
                port["name"]: (port["containerPort"], port["protocol"])
                for container in workload.containers
                for port in items(container, "ports")
            },
            host_network=host,
        )
    return found


def owner(workload: Workload) -> Owner:
    assert workload.namespace is not None
    return Owner(workload.cluster, workload.namespace, frozenset(workload.selector.items()))


def may_leave(case: str, client: Owner, server: Owner, port: int, protocol: str) -> bool:
    """Whether the client declares the connection: as an edge, or by the addresses that it may reach."""
    said, known = declarations(case), pods(case)
    edge = (client, server, port, protocol) in said.edges and not known[server].host_network
    covered = protocol == "TCP" and said.reaches(client, known[server].address, port)
    return edge or covered or known[client].host_network


def may_enter(case: str, client: Owner, server: Owner, port: int, protocol: str) -> bool:
    """Whether the server takes the connection: by a declared edge, or from anybody."""
    said, known = declarations(case), pods(case)
    edge = (client, server, port, protocol) in said.edges and not known[client].host_network
    return edge or (server, port, protocol) in said.public or known[server].host_network


def attempts(case: str) -> Iterator[tuple[Owner, Owner, int, str]]:
    """Every pair of workloads on a cluster, each with the ports that are listened on and some that are not."""
    for client in pods(case):
        for server, target in pods(case).items():
            if client == server or client.cluster != server.cluster:
                continue
            ports = {*target.ports.values(), *((port, "TCP") for port in UNUSED_PORTS)}
            ports |= {(number, "UDP") for number, _ in target.ports.values()}
            for port, protocol in sorted(ports):
                yield client, server, port, protocol


def test_declared_edges_lead_to_workloads(case: str) -> None:
    said, known = declarations(case), set(pods(case))
    for client, server, port, protocol in said.edges:
        assert {client, server} <= known
        assert (port, protocol) in pods(case)[server].ports.values()


def test_declared_edges_are_open_and_all_else_is_closed(case: str) -> None:
    """Each side by itself: one that is too open would be seen only when the other side is opened too."""
    known = pods(case)
    wrong: list[tuple[str, str, str, int, str]] = []
    for client, server, port, protocol in attempts(case):
        net, source, target = network(case, client.cluster), known[client], known[server]
        leaves = net.leaves(source, target, port, protocol)
        enters = net.enters(source, target, port, protocol)
        if leaves != may_leave(case, client, server, port, protocol):
            wrong.append(("egress", source.name, target.name, port, protocol))
        if enters != may_enter(case, client, server, port, protocol):
            wrong.append(("ingress", source.name, target.name, port, protocol))
        assert net.allows(source, target, port, protocol) == (leaves and enters)
    assert wrong == []


def test_the_same_labels_in_another_namespace_are_nobody(case: str) -> None:
    """An edge is between namespaces too: a pod elsewhere that calls itself `postgres` is not the database."""
    said, known = declarations(case), pods(case)
    for client, server, port, protocol in said.edges:
        source, target = known[client], known[server]
        net = network(case, client.cluster)
        if not source.host_network and (server, port, protocol) not in said.public and not target.host_network:
            impostor = replace(source, name="impostor", namespace=STRANGER.namespace, address=STRANGER.address)
            assert not net.enters(impostor, target, port, protocol), (source.name, target.name)
        if not source.host_network and not said.reaches(client, STRANGER.address, port):
            impostor = replace(
                target, name="impostor", namespace=STRANGER.namespace, address=STRANGER.address, host_network=False
            )
            assert not net.leaves(source, impostor, port, protocol), (source.name, target.name)


@pytest.mark.parametrize("visitor", [OUTSIDE, STRANGER], ids=["outside", "a namespace without policies"])
def test_only_public_services_are_reached_from_elsewhere(case: str, visitor: Pod) -> None:
    for server, target in pods(case).items():
        if target.host_network:
            continue
        net = network(case, server.cluster)
        candidates = {*(number for number, _ in target.ports.values()), *UNUSED_PORTS}
        open_ports = {number for number in candidates if net.allows(visitor, target, number)}
        assert open_ports == {port for at, port, _ in declarations(case).public if at == server}, target.name


def test_services_with_an_address_outside_are_public(case: str) -> None:
    """From the manifests alone: what a node port or a load balancer leads to, anybody may reach."""
    for service in of_kind(case, "Service"):
        if value(service.data, "spec", "type") not in ("NodePort", "LoadBalancer"):
            continue
        selector = value(service.data, "spec", "selector")
        (target,) = [
            pod
            for at, pod in pods(case).items()
            if (at.cluster, at.namespace) == (service.cluster, service.namespace)
            and selector.items() <= pod.labels.items()
        ]
        for port in items(service.data, "spec", "ports"):
            number = target.ports[port["targetPort"]][0]
            assert network(case, service.cluster).allows(OUTSIDE, target, number), (service, number)


def test_only_those_that_connect_may_ask_for_names(case: str) -> None:
    asking = declarations(case).asking
    for client, source in pods(case).items():
        if source.host_network:
            continue
        net = network(case, client.cluster)
        for protocol in ("UDP", "TCP"):
            assert net.allows(source, DNS, 53, protocol) == (client in asking), source.name
        assert not net.allows(source, DNS, 9153), source.name


def test_nobody_reaches_addresses_outside_that_are_not_declared(case: str) -> None:
    said = declarations(case)
    ports = {port for _, target in said.outside for port in target.ports} | {22, 25, 80, 443}
    for client, source in pods(case).items():
        if source.host_network:
            continue
        for port in sorted(ports):
            verdict = network(case, client.cluster).allows(source, OUTSIDE, port)
            assert verdict == said.reaches(client, OUTSIDE_ADDRESS, port), (source.name, port)


def test_a_policy_selects_pods_that_exist(case: str) -> None:
    for policy in of_kind(case, "NetworkPolicy"):
        selector = mapping(policy.data, "spec", "podSelector", "matchLabels")
        assert any(
            (at.cluster, at.namespace) == (policy.cluster, policy.namespace) and selector.items() <= pod.labels.items()
            for at, pod in pods(case).items()
        ), policy


def test_the_richest_case_declares_edges() -> None:
    """Guards the tests above against looking at nothing."""
    said = declarations("everything")
    assert len(said.edges) > 10
    assert said.outside
    assert said.public
