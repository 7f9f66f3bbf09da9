"""The embedded cluster does what a cluster does: pods, services, names, volumes, numbers, rules."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local import components, paths, processes, settings
from tests.cluster.local.conftest import fetch, ready, run
from tests.support import live

if TYPE_CHECKING:
    from local.cluster import EmbeddedCluster

pytestmark = pytest.mark.cluster


def service(name: str, namespace: str, kind: str, **port: object) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"type": kind, "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080, **port}]},
    }


def test_status_says_that_everything_answers(machine: EmbeddedCluster) -> None:
    status = machine.status()
    assert status.phase == "ready"
    assert {state.name for state in status.components} == set(components.NAMES)
    assert [state.problem for state in status.components] == [None] * len(components.NAMES)


def test_a_pod_answers_on_a_node_port_and_on_a_load_balancer_address(namespace: str, web_image: str) -> None:
    live.apply(service("by-port", namespace, "NodePort"), service("by-address", namespace, "LoadBalancer"))
    run("web", namespace, web_image)
    port = live.get("service", "by-port", "-n", namespace)[0]["spec"]["ports"][0]["nodePort"]
    assert live.wait_for(lambda: fetch(f"http://127.0.0.1:{port}/"), 10, "an answer on the node port") == "it works\n"

    def address() -> str | None:
        ingress = live.get("service", "by-address", "-n", namespace)[0]["status"]["loadBalancer"].get("ingress")
        return ingress[0]["ip"] if ingress else None

    found = live.wait_for(address, 20, "an address")
    assert live.wait_for(lambda: fetch(f"http://{found}/"), 10, "an answer on the address") == "it works\n"


def test_addresses_are_given_once_and_survive_a_restart_of_their_controller(
    machine: EmbeddedCluster, namespace: str
) -> None:
    def addresses() -> list[str]:
        items = live.get("services", "-n", namespace)
        return [i["ip"] for item in items for i in item["status"]["loadBalancer"].get("ingress", [])]

    live.apply(*(service(f"s{number}", namespace, "LoadBalancer") for number in range(3)))
    live.wait_for(lambda: len(addresses()) == 3, 20, "three addresses")
    first = sorted(addresses())
    assert len(set(first)) == 3
    controller = processes.main_process("loadbalancer")
    assert controller is not None
    processes.stop([controller.pid])
    machine.up()
    live.apply(*(service(f"t{number}", namespace, "LoadBalancer") for number in range(3)))
    live.wait_for(lambda: len(addresses()) == 6, 20, "six addresses")
    assert len(set(addresses())) == 6
    assert set(first) <= set(addresses())


def test_names_resolve_from_a_pod(namespace: str, web_image: str) -> None:
    live.apply(service("web", namespace, "ClusterIP"))
    run("web", namespace, web_image)
    for name in ("kubernetes.default.svc.cluster.local", f"web.{namespace}.svc.cluster.local"):
        found = live.kubectl("-n", namespace, "exec", "web", "--", "nslookup", name).stdout
        assert "Address" in found.partition(name)[2], found
    # By its short name, and through the Service's address back to itself.
    short = live.kubectl("-n", namespace, "exec", "web", "--", "nslookup", "web", check=False).stdout
    address = live.get("service", "web", "-n", namespace)[0]["spec"]["clusterIP"]
    assert f"Address: {address}" in short
    request = f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 {address} 80"
    answer = live.kubectl("-n", namespace, "exec", "web", "--", "sh", "-c", request).stdout
    assert answer.endswith("it works\n"), answer


def test_logs_come_through_the_kubelet(namespace: str, web_image: str) -> None:
    pod = live.restricted_pod(
        "talk", namespace, web_image, command=["/bin/sh", "-c", "echo hello from talk; sleep 600"]
    )
    live.apply(pod)
    ready("talk", namespace)
    assert live.kubectl("-n", namespace, "logs", "talk").stdout == "hello from talk\n"


def test_a_claim_binds_and_a_pod_without_root_writes_to_it(namespace: str, web_image: str) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}},
    }
    pod = live.restricted_pod("writer", namespace, web_image, volumeMounts=[{"name": "data", "mountPath": "/data"}])
    pod["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    live.apply(claim, pod)
    ready("writer", namespace)
    live.kubectl("-n", namespace, "exec", "writer", "--", "sh", "-c", "id -u > /data/who")
    live.kubectl("-n", namespace, "delete", "pod", "writer", "--wait=true")
    live.apply(pod)
    ready("writer", namespace)
    assert live.kubectl("-n", namespace, "exec", "writer", "--", "cat", "/data/who").stdout.strip() == "10001"
    found = live.get("persistentvolumeclaim", "data", "-n", namespace)[0]
    assert (found["status"]["phase"], found["spec"]["storageClassName"]) == ("Bound", "standard")


def test_an_image_that_nobody_has_is_an_error_of_its_pod(namespace: str) -> None:
    live.apply(live.restricted_pod("lost", namespace, f"{settings.REGISTRY}/slipway-test/nobody-pushed-this:1"))

    def reason() -> str:
        statuses = live.get("pod", "lost", "-n", namespace)[0]["status"].get("containerStatuses", [{}])
        return statuses[0].get("state", {}).get("waiting", {}).get("reason", "")

    assert live.wait_for(lambda: reason() in {"ErrImagePull", "ImagePullBackOff"}, 30, "a failed pull")


def test_the_node_reports_its_use() -> None:
    line = live.wait_for(lambda: live.kubectl("top", "nodes", "--no-headers", check=False).stdout, 60, "numbers")
    assert line.split()[0] == settings.NODE


def test_a_node_port_does_not_answer_on_an_outside_address(namespace: str, web_image: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.200", 9))  # sends nothing; shows which address the machine would use
        outside = probe.getsockname()[0]
    live.apply(service("by-port", namespace, "NodePort"))
    run("web", namespace, web_image)
    port = live.get("service", "by-port", "-n", namespace)[0]["spec"]["ports"][0]["nodePort"]
    assert live.wait_for(lambda: fetch(f"http://127.0.0.1:{port}/"), 10) == "it works\n"
    assert fetch(f"http://{outside}:{port}/") is None


def test_the_users_kubeconfig_has_the_context(machine: EmbeddedCluster) -> None:
    before = json.loads((paths.STATE / "before.json").read_text(encoding="utf-8"))
    assert before["kubeconfigs"]
    for name in before["kubeconfigs"]:
        text = Path(name).read_text(encoding="utf-8")
        assert f"name: {machine.context}" in text
        assert settings.API_SERVER in text
