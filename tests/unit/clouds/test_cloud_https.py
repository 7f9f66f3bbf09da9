"""HTTPS on the plan of prod: certificate, proof, listener and redirect, in the right order for create and destroy."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from ops.render.program import render_config
from tests.unit.clouds.graph import Graph
from tests.unit.clouds.names import config_of, with_everything

Plan = dict[str, Any]
BALANCER = "service.beta.kubernetes.io/aws-load-balancer"
CERTIFICATES = "gcp:certificatemanager/"
GATEWAY = "kubernetes:gateway.networking.k8s.io/v1:Gateway"


@pytest.fixture(scope="module")
def everything() -> Graph:
    """Two EKS clusters with HTTPS for hosts in one zone, and a GKE cluster that redirects nobody."""
    tree = with_everything()
    tree["clusters"]["nginx-asia"]["ingress"] = {"https": {"redirect": False}}
    tree["clusters"]["other"]["ingress"] = {"https": {}}
    tree["apps"]["guestbook"] = {"cluster": "other", "host": "guest.book.k8s.example.com"}
    tree["apps"]["h2o-example"] = {"cluster": "other", "host": "h2o.k8s.example.com"}
    return Graph(render_config(config_of(tree, "prod")).plan)


def traefik(graph: Graph, cluster: str) -> tuple[list[str], dict[str, Any]]:
    """Arguments of a cluster's ingress controller, and its Service."""
    pod = graph.named(f"{cluster}-traefik-deployment")["inputs"]["spec"]["template"]["spec"]
    return pod["containers"][0]["args"], graph.named(f"{cluster}-traefik-service")


def before(graph: Graph, *names: str) -> None:
    """Each is made before the one that follows, and destroyed after it."""
    for first, later in itertools.pairwise(names):
        assert graph.goes_before(graph.named(later), graph.named(first)), f"{later} may outlive {first}"


def test_prod_has_a_certificate_that_is_proven_issued_used_and_gone_in_this_order(durable_plan: Plan) -> None:
    graph = Graph(durable_plan)
    certificate = graph.named("staging-certificate")["inputs"]
    assert (certificate["domainName"], certificate["validationMethod"]) == ("*.k8s.example.com", "DNS")
    proof = graph.named("k8s-proof-123456789012-k8s.example.com")
    assert proof["inputs"]["zoneId"] == "${k8s-sub-zone.zoneId}"
    assert (proof["inputs"]["type"], proof["inputs"]["ttl"]) == ("CNAME", 30)
    assert proof["inputs"]["records"] == ["${staging-certificate.domainValidationOptions[0].resourceRecordValue}"]
    before(
        graph,
        "k8s-sub-zone",
        "k8s-delegation",
        "k8s-proof-123456789012-k8s.example.com",
        "staging-certificate-issued",
        "staging-traefik-service",
        "k8s-host-debug.k8s.example.com",
    )
    before(graph, "staging-certificate", "k8s-proof-123456789012-k8s.example.com")
    before(graph, "staging-certificate", "staging-traefik-service")


def test_prods_load_balancer_ends_tls_and_plain_http_is_redirected(durable_plan: Plan) -> None:
    args, service = traefik(Graph(durable_plan), "staging")
    notes, ports = service["inputs"]["metadata"]["annotations"], service["inputs"]["spec"]["ports"]
    assert notes[f"{BALANCER}-ssl-cert"] == "${staging-certificate.arn}"
    assert notes[f"{BALANCER}-ssl-ports"] == "443"
    assert notes[f"{BALANCER}-backend-protocol"] == "tcp"
    assert notes[f"{BALANCER}-ssl-negotiation-policy"].startswith("ELBSecurityPolicy-TLS13-1-2")
    assert notes[f"{BALANCER}-type"] == "nlb"
    assert {(port["port"], port["targetPort"]) for port in ports} == {(80, "web"), (443, "websecure")}
    assert "--entrypoints.web.http.redirections.entrypoint.to=:443" in args
    # What comes in there is plain already, and apps are told what people see.
    assert "--entrypoints.websecure.http.tls=true" not in args
    assert "--entrypoints.websecure.http.middlewares=https@file,retry@file" in args
    files = [str(entry["inputs"]["data"]) for entry in Graph(durable_plan).of_type("kubernetes:core/v1:ConfigMap")]
    assert len([text for text in files if "X-Forwarded-Proto: https" in text]) == 1


def test_prods_sessions_stay_on_https(durable_plan: Plan) -> None:
    notes = Graph(durable_plan).named("http-debug-server-service")["inputs"]["metadata"]["annotations"]
    assert notes["traefik.ingress.kubernetes.io/service.sticky.cookie.secure"] == "true"
    stack = next(entry for entry in durable_plan["resources"] if entry["type"] == "pulumi:pulumi:Stack")
    assert "https://debug.k8s.example.com" in str(stack)


def test_no_key_of_a_cloud_is_in_the_cluster(durable_plan: Plan, everything: Graph) -> None:
    for graph in (Graph(durable_plan), everything):
        assert [e["name"] for e in graph.of_type("kubernetes:core/v1:Secret") if "tls" in e["inputs"]["type"]] == []


def test_clusters_of_one_account_share_the_proof_and_a_deep_host_is_named_itself(everything: Graph) -> None:
    certificate = everything.named("other-certificate")["inputs"]
    named = [certificate["domainName"], *certificate["subjectAlternativeNames"]]
    assert named == ["*.k8s.example.com", "guest.book.k8s.example.com"]
    for cluster in ("other", "staging"):
        before(everything, "k8s-proof-123456789012-k8s.example.com", f"{cluster}-certificate-issued")
    before(everything, "k8s-proof-123456789012-guest.book.k8s.example.com", "other-certificate-issued")


def test_on_gke_a_gateway_ends_tls_with_googles_certificate(everything: Graph) -> None:
    (gateway,) = everything.of_type(GATEWAY)
    assert gateway["inputs"]["metadata"]["annotations"] == {
        "networking.gke.io/certmap": "${nginx-asia-certificates.name}"
    }
    assert gateway["inputs"]["spec"]["addresses"] == [{"type": "NamedAddress", "value": "${nginx-asia-ingress.name}"}]
    assert [listener["port"] for listener in gateway["inputs"]["spec"]["listeners"]] == [80, 443]
    (proof,) = everything.of_type(f"{CERTIFICATES}dnsAuthorization:DnsAuthorization")
    assert (proof["inputs"]["domain"], proof["inputs"]["type"]) == ("k8s.example.com", "PER_PROJECT_RECORD")
    managed = everything.named("nginx-asia-certificate")["inputs"]["managed"]
    assert managed == {"domains": ["*.k8s.example.com"], "dnsAuthorizations": [f"${{{proof['name']}.id}}"]}
    assert everything.named("nginx-asia-tls")["inputs"]["minTlsVersion"] == "TLS_1_2"
    assert everything.named("nginx-asia-cluster")["inputs"]["gatewayApiConfig"] == {"channel": "CHANNEL_STANDARD"}
    assert everything.named("k8s-host-www.k8s.example.com")["inputs"]["records"] == ["${nginx-asia-ingress.address}"]


def test_on_gke_the_order_is_in_the_graph(everything: Graph) -> None:
    (proof,) = everything.of_type(f"{CERTIFICATES}dnsAuthorization:DnsAuthorization")
    before(
        everything,
        "k8s-delegation",
        "k8s-proof-example-project-k8s.example.com",
        "nginx-asia-certificate",
        "nginx-asia-certificates-entry",
        "nginx-asia-traefik-gateway",
        "nginx-asia-traefik-https",
    )
    before(everything, proof["name"], "nginx-asia-certificate")
    for name in ("nginx-asia-ingress", "nginx-asia-tls", "nginx-asia-cluster", "nginx-asia-node-pool"):
        assert everything.goes_before(everything.named("nginx-asia-traefik-gateway-policy"), everything.named(name))
    # What Google made for it is awaited by itself: the namespace would not tell when it is gone.
    assert "deletedWith" not in everything.of_type(GATEWAY)[0]["options"]


def test_on_gke_only_googles_front_ends_reach_the_controller(everything: Graph) -> None:
    args, service = traefik(everything, "nginx-asia")
    assert service["inputs"]["spec"]["type"] == "ClusterIP"
    assert [port["port"] for port in service["inputs"]["spec"]["ports"]] == [80]
    ranges = ["130.211.0.0/22", "35.191.0.0/16"]
    assert f"--entrypoints.web.forwardedheaders.trustedips={','.join(ranges)}" in args
    (rule,) = everything.named("nginx-asia-traefik-public")["inputs"]["spec"]["ingress"]
    assert [block["ipBlock"]["cidr"] for block in rule["from"]] == ranges
    assert [port["port"] for port in rule["ports"]] == [8000, 8080]
    # This one redirects nobody, so a session may be on plain HTTP.
    assert "redirections" not in " ".join(args)
    assert everything.named("nginx-asia-traefik-http")["inputs"]["spec"]["rules"][0]["backendRefs"]
