"""The network policy evaluator, rule by rule of the Kubernetes documentation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.network import NODE_ADDRESS, OUTSIDE_ADDRESS, Network, Pod, selects

WEB = Pod("web", "shop", {"app": "web"}, "10.244.0.2", {"http": (8080, "TCP")})
DB = Pod("db", "shop", {"app": "db"}, "10.244.0.3", {"sql": (5432, "TCP")})
OTHER = Pod("web-of-bank", "bank", {"app": "web"}, "10.244.0.4")
AGENT = Pod("agent", "shop", {"app": "agent"}, NODE_ADDRESS, {"metrics": (9100, "TCP")}, host_network=True)
OUTSIDE = Pod("outside", None, {}, OUTSIDE_ADDRESS)
NAMESPACES = {"shop": {"team": "a"}, "bank": {"team": "b"}}


def policy(namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p", "namespace": namespace}, "spec": {"podSelector": {}, **spec}}


DENY = policy(policyTypes=["Ingress", "Egress"])


def network(*policies: dict[str, Any]) -> Network:
    return Network(list(policies), NAMESPACES)


def ingress(app: str, **rule: Any) -> dict[str, Any]:
    return policy(podSelector={"matchLabels": {"app": app}}, policyTypes=["Ingress"], ingress=[rule])


def egress(app: str, **rule: Any) -> dict[str, Any]:
    return policy(podSelector={"matchLabels": {"app": app}}, policyTypes=["Egress"], egress=[rule])


def test_without_policies_everything_is_open() -> None:
    assert network().allows(WEB, DB, 5432)
    assert network().allows(OUTSIDE, DB, 5432)


def test_default_deny_closes_both_directions() -> None:
    net = network(DENY)
    assert not net.allows(WEB, DB, 5432)
    assert not net.allows(OTHER, DB, 5432)
    assert not net.allows(DB, OTHER, 80)
    assert net.allows(OTHER, OUTSIDE, 443)
    assert net.isolated("Ingress", DB)
    assert not net.isolated("Ingress", OTHER)


def test_both_sides_must_allow() -> None:
    to_db = egress("web", to=[{"podSelector": {"matchLabels": {"app": "db"}}}])
    from_web = ingress("db", **{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]})
    assert not network(DENY, to_db).allows(WEB, DB, 5432)
    assert not network(DENY, from_web).allows(WEB, DB, 5432)
    net = network(DENY, to_db, from_web)
    assert net.allows(WEB, DB, 5432)
    assert not net.allows(DB, WEB, 8080)
    assert not net.allows(OTHER, DB, 5432)


def test_ports_and_protocols() -> None:
    def open_to(**entry: Any) -> Network:
        return network(ingress("db", ports=[entry]))

    assert open_to(port=5432, protocol="TCP").allows(WEB, DB, 5432)
    assert not open_to(port=5432, protocol="TCP").allows(WEB, DB, 5433)
    assert not open_to(port=5432, protocol="TCP").allows(WEB, DB, 5432, "UDP")
    assert open_to(protocol="UDP").allows(WEB, DB, 1, "UDP")
    assert open_to(port=5000, endPort=6000).allows(WEB, DB, 5432)
    assert not open_to(port=5000, endPort=5400).allows(WEB, DB, 5432)
    assert open_to(port="sql").allows(WEB, DB, 5432)
    assert not open_to(port="sql").allows(WEB, DB, 8080)
    assert not open_to(port="other").allows(WEB, DB, 5432)


def test_namespace_and_pod_selector_in_one_peer_are_both_needed() -> None:
    both = ingress("db", **{"from": [{"namespaceSelector": {"matchLabels": {"team": "b"}}, "podSelector": {}}]})
    assert network(both).allows(OTHER, DB, 5432)
    assert not network(both).allows(WEB, DB, 5432)
    wrong_pod = [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "db"}}}]
    assert not network(ingress("db", **{"from": wrong_pod})).allows(OTHER, DB, 5432)
    # Two peers are alternatives.
    either = [{"namespaceSelector": {"matchLabels": {"team": "b"}}}, {"podSelector": {"matchLabels": {"app": "web"}}}]
    assert network(ingress("db", **{"from": either})).allows(WEB, DB, 5432)
    assert network(ingress("db", **{"from": either})).allows(OTHER, DB, 5432)


def test_pod_selector_alone_stays_in_its_namespace() -> None:
    same = ingress("db", **{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]})
    assert network(same).allows(WEB, DB, 5432)
    assert not network(same).allows(OTHER, DB, 5432)


def test_namespaces_carry_their_name() -> None:
    named = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "bank"}}}]
    assert network(ingress("db", **{"from": named})).allows(OTHER, DB, 5432)
    assert not network(ingress("db", **{"from": named})).allows(WEB, DB, 5432)


def test_ip_blocks() -> None:
    block = {"cidr": "203.0.113.0/24", "except": ["203.0.113.128/25"]}
    net = network(DENY, egress("web", to=[{"ipBlock": block}]))
    assert net.allows(WEB, OUTSIDE, 443)
    assert not net.allows(WEB, Pod("excepted", None, {}, "203.0.113.200"), 443)
    assert not net.allows(WEB, DB, 5432)
    assert not net.allows(DB, OUTSIDE, 443)


def test_a_rule_without_peers_lets_anybody_in() -> None:
    net = network(DENY, ingress("web", ports=[{"port": 8080}]))
    assert net.allows(OUTSIDE, WEB, 8080)
    assert not net.allows(OUTSIDE, WEB, 80)
    assert not net.allows(OUTSIDE, DB, 5432)


def test_policy_types_that_are_not_given_follow_the_rules() -> None:
    silent = policy(podSelector={"matchLabels": {"app": "web"}}, ingress=[{}])
    assert network(silent).isolated("Ingress", WEB)
    assert not network(silent).isolated("Egress", WEB)
    assert network({**silent, "spec": {**silent["spec"], "egress": [{}]}}).isolated("Egress", WEB)


def test_a_pod_on_the_hosts_network_is_its_node() -> None:
    by_label = egress("web", to=[{"podSelector": {"matchLabels": {"app": "agent"}}}])
    by_address = egress("web", to=[{"ipBlock": {"cidr": f"{NODE_ADDRESS}/32"}}])
    assert not network(DENY, by_label).allows(WEB, AGENT, 9100)
    assert network(DENY, by_address).allows(WEB, AGENT, 9100)
    assert not network(DENY).allows(AGENT, WEB, 8080)
    assert network(DENY, ingress("web")).allows(AGENT, WEB, 8080)


@pytest.mark.parametrize(
    ("selector", "labels", "matches"),
    [
        (None, {}, False),
        ({}, {}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "1", "b": "2"}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "2"}, False),
        ({"matchLabels": {"a": "1"}}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, {"a": "2"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {"a": "1"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": ""}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {"a": ""}, False),
    ],
)
def test_selectors(selector: dict[str, Any] | None, labels: dict[str, str], matches: bool) -> None:
    assert selects(selector, labels) is matches


def test_an_unknown_operator_is_an_error() -> None:
    with pytest.raises(ValueError, match="no selector operator: Like"):
        selects({"matchExpressions": [{"key": "a", "operator": "Like"}]}, {})
