"""The embedded cluster does what a cluster does: pods, services, names, volumes, numbers, rules."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local import components, paths, processes, settings
from tests.cluster.local.conftest import fetch, restricted_pod, wait_for

if TYPE_CHECKING:
    from local.cluster import EmbeddedCluster
    from tests.cluster.local.conftest import Kubectl

pytestmark = pytest.mark.cluster


def service(name: str, namespace: str, kind: str, **port: object) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"type": kind, "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080, **port}]},
    }


def ready(kubectl: Kubectl, namespace: str, pod: str) -> None:
    kubectl.run("-n", namespace, "wait", "--for=condition=Ready", f"pod/{pod}", "--timeout=60s", timeout=70)


def test_status_says_that_everything_answers(cluster: EmbeddedCluster) -> None:
    status = cluster.status()
    assert status.phase == "ready"
    assert {state.name for state in status.components} == set(components.NAMES)
    assert [state.problem for state in status.components] == [None] * len(components.NAMES)


def test_a_pod_answers_on_a_node_port_and_on_a_load_balancer_address(
    kubectl: Kubectl, namespace: str, web_image: str
) -> None:
    kubectl.apply(
        restricted_pod("web", namespace, web_image),
        service("by-port", namespace, "NodePort"),
        service("by-address", namespace, "LoadBalancer"),
    )
    ready(kubectl, namespace, "web")
    port = kubectl.get("-n", namespace, "service", "by-port")["spec"]["ports"][0]["nodePort"]
    assert wait_for(lambda: fetch(f"http://127.0.0.1:{port}/"), 10, "an answer on the node port") == "it works\n"

    def address() -> str | None:
        ingress = kubectl.get("-n", namespace, "service", "by-address")["status"]["loadBalancer"].get("ingress")
        return ingress[0]["ip"] if ingress else None

    found = wait_for(address, 20, "an address")
    assert wait_for(lambda: fetch(f"http://{found}/"), 10, "an answer on the address") == "it works\n"


def test_addresses_are_given_once_and_survive_a_restart_of_their_controller(
    cluster: EmbeddedCluster, kubectl: Kubectl, namespace: str
) -> None:
    def addresses() -> list[str]:
        items = kubectl.get("-n", namespace, "services")["items"]
        return [i["ip"] for item in items for i in item["status"]["loadBalancer"].get("ingress", [])]

    kubectl.apply(*(service(f"s{number}", namespace, "LoadBalancer") for number in range(3)))
    wait_for(lambda: len(addresses()) == 3, 20, "three addresses")
    first = sorted(addresses())
    assert len(set(first)) == 3
    controller = processes.main_process("loadbalancer")
    assert controller is not None
    processes.stop([controller.pid])
    cluster.up()
    kubectl.apply(*(service(f"t{number}", namespace, "LoadBalancer") for number in range(3)))
    wait_for(lambda: len(addresses()) == 6, 20, "six addresses")
    assert len(set(addresses())) == 6
    assert set(first) <= set(addresses())


def test_names_resolve_from_a_pod(kubectl: Kubectl, namespace: str, web_image: str) -> None:
    kubectl.apply(restricted_pod("web", namespace, web_image), service("web", namespace, "ClusterIP"))
    ready(kubectl, namespace, "web")
    for name in ("kubernetes.default.svc.cluster.local", f"web.{namespace}.svc.cluster.local"):
        found = kubectl.run("-n", namespace, "exec", "web", "--", "nslookup", name).stdout
        assert "Address" in found.partition(name)[2], found
    # By its short name, and through the Service's address back to itself.
    short = kubectl.run("-n", namespace, "exec", "web", "--", "nslookup", "web", check=False).stdout
    address = kubectl.get("-n", namespace, "service", "web")["spec"]["clusterIP"]
    assert f"Address: {address}" in short
    request = f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 {address} 80"
    answer = kubectl.run("-n", namespace, "exec", "web", "--", "sh", "-c", request).stdout
    assert answer.endswith("it works\n"), answer


def test_logs_come_through_the_kubelet(kubectl: Kubectl, namespace: str, web_image: str) -> None:
    pod = restricted_pod("talk", namespace, web_image, command=["/bin/sh", "-c", "echo hello from talk; sleep 600"])
    kubectl.apply(pod)
    ready(kubectl, namespace, "talk")
    assert kubectl.run("-n", namespace, "logs", "talk").stdout == "hello from talk\n"


def test_a_claim_binds_and_a_pod_without_root_writes_to_it(kubectl: Kubectl, namespace: str, web_image: str) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}},
    }
    pod = restricted_pod("writer", namespace, web_image, volumeMounts=[{"name": "data", "mountPath": "/data"}])
    pod["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    kubectl.apply(claim, pod)
    ready(kubectl, namespace, "writer")
    kubectl.run("-n", namespace, "exec", "writer", "--", "sh", "-c", "id -u > /data/who")
    kubectl.run("-n", namespace, "delete", "pod", "writer", "--wait=true")
    kubectl.apply(pod)
    ready(kubectl, namespace, "writer")
    assert kubectl.run("-n", namespace, "exec", "writer", "--", "cat", "/data/who").stdout.strip() == "10001"
    found = kubectl.get("-n", namespace, "persistentvolumeclaim", "data")
    assert (found["status"]["phase"], found["spec"]["storageClassName"]) == ("Bound", "standard")


def test_a_root_pod_is_refused(kubectl: Kubectl, namespace: str, web_image: str) -> None:
    pod = restricted_pod("root", namespace, web_image)
    pod["spec"]["securityContext"] = {"runAsUser": 0}
    refused = kubectl.run("apply", "-f", "-", document=pod, check=False)
    assert refused.returncode != 0
    assert 'violates PodSecurity "restricted' in refused.stderr


def test_an_image_that_nobody_has_is_an_error_of_its_pod(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(restricted_pod("lost", namespace, f"{settings.REGISTRY}/slipway-test/nobody-pushed-this:1"))

    def reason() -> str:
        statuses = kubectl.get("-n", namespace, "pod", "lost")["status"].get("containerStatuses", [{}])
        return statuses[0].get("state", {}).get("waiting", {}).get("reason", "")

    assert wait_for(lambda: reason() in {"ErrImagePull", "ImagePullBackOff"}, 30, "a failed pull")


def test_the_node_reports_its_use(kubectl: Kubectl) -> None:
    line = wait_for(lambda: kubectl.run("top", "nodes", "--no-headers", check=False).stdout, 60, "numbers")
    assert line.split()[0] == settings.NODE


def test_only_health_is_open_to_strangers(kubectl: Kubectl) -> None:
    authority = paths.PKI / "ca.crt"

    def code(path: str) -> str:
        command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "*", "--cacert", str(authority)]
        return subprocess.run(
            [*command, f"{settings.API_SERVER}{path}"], capture_output=True, text=True, check=True
        ).stdout

    assert kubectl.run("version").returncode == 0
    assert [code(path) for path in ("/readyz", "/livez", "/healthz")] == ["200"] * 3
    assert [code(path) for path in ("/", "/api", "/api/v1/namespaces", "/version", "/metrics")] == ["401"] * 5


def test_secrets_are_encrypted_at_rest(kubectl: Kubectl, namespace: str) -> None:
    kubectl.run("-n", namespace, "create", "secret", "generic", "hidden", "--from-literal=key=find-me-in-the-files")
    kubectl.run("-n", namespace, "create", "configmap", "open", "--from-literal=key=seen-me-in-the-files")
    content = b"".join(path.read_bytes() for path in (paths.STATE / "etcd").rglob("*") if path.is_file())
    assert b"seen-me-in-the-files" in content  # the search itself works
    assert b"find-me-in-the-files" not in content
    audit = (paths.LOG / "audit.log").read_text(encoding="utf-8")
    assert f'"namespace":"{namespace}","name":"hidden"' in audit
    assert "find-me-in-the-files" not in audit


def test_private_files_are_private(cluster: EmbeddedCluster) -> None:
    files = [*paths.PKI.iterdir(), *paths.CONFIG.rglob("*.kubeconfig"), cluster.kubeconfig, paths.STATE / "before.json"]
    logs = [path for path in paths.LOG.iterdir() if path.is_file()]
    modes = {str(path): stat.S_IMODE(path.stat().st_mode) for path in [*files, *logs]}
    assert {path: oct(mode) for path, mode in modes.items() if mode & 0o077} == {}
    for directory in (paths.STATE, paths.RUN, paths.PKI):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_nothing_listens_on_outside_addresses(cluster: EmbeddedCluster) -> None:
    assert cluster.kubeconfig.is_file()
    own = {process.pid for process in processes.find() if process.main}
    result = subprocess.run(["ss", "-H", "-ltnp"], capture_output=True, text=True, check=True)
    addresses = {
        line.split()[3].rpartition(":")[0]
        for line in result.stdout.splitlines()
        if any(f"pid={pid}," in line for pid in own)
    }
    assert addresses == {"127.0.0.1", settings.NODE_ADDRESS}


def test_a_node_port_does_not_answer_on_an_outside_address(kubectl: Kubectl, namespace: str, web_image: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.200", 9))  # sends nothing; shows which address the machine would use
        outside = probe.getsockname()[0]
    kubectl.apply(restricted_pod("web", namespace, web_image), service("by-port", namespace, "NodePort"))
    ready(kubectl, namespace, "web")
    port = kubectl.get("-n", namespace, "service", "by-port")["spec"]["ports"][0]["nodePort"]
    assert wait_for(lambda: fetch(f"http://127.0.0.1:{port}/"), 10) == "it works\n"
    assert fetch(f"http://{outside}:{port}/") is None


def test_the_users_kubeconfig_has_the_context(cluster: EmbeddedCluster) -> None:
    before = json.loads((paths.STATE / "before.json").read_text(encoding="utf-8"))
    assert before["kubeconfigs"]
    for name in before["kubeconfigs"]:
        text = Path(name).read_text(encoding="utf-8")
        assert f"name: {cluster.context}" in text
        assert settings.API_SERVER in text
